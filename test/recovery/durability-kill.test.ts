// A real process with sessions of all classes, killed while it writes: each has what its class promises.
import { fork } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, onTestFinished, test } from 'vitest';
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
  const ended = once(child, 'close');
  child.on('message', (said) => {
    told.push(said as Told);
    const enough = ['fsync', 'os', 'none'].every(
      (id) => told.filter(({ sessionId }) => sessionId === id).length >= answers,
    );
    if (enough) child.kill('SIGKILL');
  });
  const [, signal] = (await ended) as [number | null, string | null];
  if (signal !== 'SIGKILL') throw new Error('The child ended by itself: is .build up to date?');
  return told;
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
      const { items } = await client.messages.list({ sessionId, limit: 1_000 });
      expect(items.map(({ content }) => content)).toEqual(items.map((_, i) => `m${i + 1}`));
      expect(items.length).toBe(seq - 2);
    }
    expect(await codeOf(client.sessions.get({ sessionId: 'none' }))).toBe('SESSION_NOT_FOUND');
    expect((await client.sessions.count({})).total).toBe(2);
  },
);
