// A real process with sessions of all classes, killed while it writes: each has what its class promises.
import { fork } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, onTestFinished, test } from 'vitest';
import type { Client } from '../../src/client/client.ts';
import { createSystem } from '../../src/system.ts';
import { codeOf } from '../support/outcome.ts';

const program = fileURLToPath(new URL('../../.build/test/support/durability-child.js', import.meta.url));

interface Told {
  readonly sessionId: string;
  readonly seq: number;
  readonly durability: string;
}

/** Kills a writer once each of its sessions has answered so often; resolves with all that it told. */
async function killedWriter(location: string, answers: number): Promise<readonly Told[]> {
  const child = fork(program, [location]);
  const told: Told[] = [];
  const left = new Map(['fsync', 'os', 'none'].map((id) => [id, answers]));
  const ended = once(child, 'close');
  child.on('message', (said: Told) => {
    told.push(said);
    left.set(said.sessionId, (left.get(said.sessionId) ?? 0) - 1);
    if ([...left.values()].every((count) => count <= 0)) child.kill('SIGKILL');
  });
  const [, signal] = (await ended) as [number | null, string | null];
  if (signal !== 'SIGKILL') throw new Error('The child ended by itself: is .build up to date?');
  return told;
}

/** All of them, however many a slow disk let the faster classes have. */
async function contentsOf(client: Client, sessionId: string): Promise<readonly unknown[]> {
  const contents: unknown[] = [];
  for (let cursor: string | undefined, more = true; more; more = cursor !== undefined) {
    const page = await client.messages.list({
      sessionId,
      limit: 1_000,
      ...(cursor !== undefined && { cursor }),
    });
    contents.push(...page.items.map(({ content }) => content));
    cursor = page.cursor;
  }
  return contents;
}

test.each([3, 40, 150])(
  'after kill -9 what os and fsync have answered is there, and of none nothing is (%i answers each)',
  async (answers) => {
    const location = await mkdtemp(join(tmpdir(), 'holdfast-durability-'));
    onTestFinished(() => rm(location, { recursive: true }));
    const told = await killedWriter(location, answers);
    for (const { sessionId, durability } of told)
      expect(sessionId === 'os' ? ['os', 'fsync'] : [sessionId]).toContain(durability);
    await using system = await createSystem({ location });
    const { client } = system;
    for (const sessionId of ['fsync', 'os']) {
      const newest = Math.max(...told.filter((each) => each.sessionId === sessionId).map(({ seq }) => seq));
      const { seq, durability } = await client.sessions.get({ sessionId });
      expect([durability, seq >= newest]).toEqual([sessionId, true]);
      const contents = await contentsOf(client, sessionId);
      expect(contents).toEqual(Array.from({ length: seq - 2 }, (_, i) => `m${i + 1}`));
    }
    expect(await codeOf(client.sessions.get({ sessionId: 'none' }))).toBe('SESSION_NOT_FOUND');
    expect((await client.sessions.count({})).total).toBe(2);
  },
);
