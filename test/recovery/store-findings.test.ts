// What the opening of a store finds to be lost or damaged: those sessions are quarantined with the reason, and all others serve.
import { mkdtemp, readdir, rm, stat, truncate } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { createSystem, type System } from '../../src/system.ts';

let location: string;
let system: System;

beforeEach(async () => {
  location = await mkdtemp(join(tmpdir(), 'holdfast-findings-'));
  system = await createSystem({ location });
});

afterEach(async () => {
  await system.close();
  await rm(location, { recursive: true });
});

const restart = async (): Promise<void> => {
  await system.close();
  system = await createSystem({ location });
};

async function file(pattern: RegExp): Promise<string> {
  const names = (await readdir(join(location, 'store'))).filter((name) => pattern.test(name)).sort();
  return join(location, 'store', names.at(-1) ?? '');
}

const send = (sessionId: string, content: string): Promise<unknown> =>
  system.client.messages.send({ sessionId, role: 'user', content });

async function contents(sessionId: string): Promise<unknown[]> {
  const { items } = await system.client.messages.list({ sessionId });
  return items.map(({ content }) => content);
}

/** Closes the system, takes the last record out of the log, and starts it again. */
async function loseLastCommit(): Promise<void> {
  await system.close();
  const log = await file(/\.log$/);
  await truncate(log, (await stat(log)).size - 1);
  system = await createSystem({ location });
}

test('a session that has lost its end is quarantined as lost, read up to there, and goes on when it is retried', async () => {
  const { sessions } = system.client;
  await sessions.create({ sessionId: 'hurt' });
  await sessions.create({ sessionId: 'well' });
  await send('hurt', 'one');
  await restart();
  await send('hurt', 'two');
  await system.client.sessions.pause({ sessionId: 'hurt' });
  await loseLastCommit();
  const { client } = system;
  const details = await client.sessions.get({ sessionId: 'hurt' });
  expect(details).toMatchObject({
    status: 'quarantined',
    condition: { reason: 'lost', error: { code: 'HISTORY_LOST' } },
  });
  expect(await contents('hurt')).toEqual(['one', 'two']);
  await expect(send('hurt', 'three')).rejects.toMatchObject({ code: 'SESSION_QUARANTINED' });
  await send('well', 'still here');
  await client.sessions.retry({ sessionId: 'hurt' });
  await send('hurt', 'three');
  await restart();
  expect((await system.client.sessions.get({ sessionId: 'hurt' })).condition).toBeNull();
  expect(await contents('hurt')).toEqual(['one', 'two', 'three']);
});

test('a session of which nothing is left is named, its id is not given to another, and is free once that was accepted', async () => {
  const { sessions } = system.client;
  await sessions.create({ sessionId: 'well' });
  await restart();
  await system.client.sessions.create({ sessionId: 'gone' });
  await loseLastCommit();
  const conditions = (): Promise<readonly object[]> => system.client.sessions.conditions({});
  const gone = { sessionId: 'gone', condition: 'quarantined', reason: 'lost' };
  expect(await conditions()).toMatchObject([gone]);
  await restart();
  expect(await conditions()).toMatchObject([gone]);
  const refused = { code: 'SESSION_QUARANTINED' };
  await expect(system.client.sessions.get({ sessionId: 'gone' })).rejects.toMatchObject(refused);
  await expect(system.client.sessions.create({ sessionId: 'gone' })).rejects.toMatchObject(refused);
  await expect(system.client.sessions.retry({ sessionId: 'gone' })).rejects.toMatchObject(refused);
  expect(await conditions()).toMatchObject([gone]);
  await system.client.sessions.delete({ sessionId: 'gone' });
  expect(await conditions()).toEqual([]);
  await system.client.sessions.create({ sessionId: 'gone' });
});

test('a damaged store is refused with repair: refuse, and served with what is whole otherwise', async () => {
  await system.client.sessions.create({ sessionId: 'well' });
  await system.close();
  await rm(join(location, 'store', 'CURRENT'));
  await expect(createSystem({ location, repair: 'refuse' })).rejects.toMatchObject({
    code: 'JOURNAL_DAMAGED',
  });
  system = await createSystem({ location });
  expect(await system.client.sessions.get({ sessionId: 'well' })).toMatchObject({ condition: null });
});
