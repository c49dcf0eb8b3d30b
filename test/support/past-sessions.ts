// Sessions with a past, for tests of checkpoints, rollbacks and proofs; and snapshots that say what never was.
import { sha256 } from '../../src/base/hash.ts';
import { sessionLaw, sessionStream } from '../../src/domain/session/session-law.ts';
import type { SessionState } from '../../src/domain/session/session-state.ts';
import { LevelJournal } from '../../src/journal/level-journal.ts';
import { createTestSystem, type TestSystem, type TestSystemOptions } from '../../src/testing/test-system.ts';

export const sessionId = 's';
export const one = { sessionId } as const;

/** A session with two messages (seqs 3 and 4), a file and a key. */
export async function withPast(options: TestSystemOptions = {}): Promise<TestSystem> {
  const test = await createTestSystem({ passivateAfterMs: null, ...options });
  const { client } = test;
  await client.sessions.create({ ...one, name: 'alpha' });
  await say(test, 'first', 'second');
  await client.files.add({ ...one, path: 'a.ts', metadata: { lines: 1 } });
  await client.memory.set({ ...one, key: 'goal', value: 'ship' });
  return test;
}

export async function say({ client }: TestSystem, ...texts: readonly string[]): Promise<void> {
  for (const content of texts) await client.messages.send({ ...one, role: 'user', content });
}

export async function said({ client }: TestSystem, at?: number): Promise<readonly unknown[]> {
  const { items } = await client.messages.list({ ...one, ...(at !== undefined && { at }) });
  return items.map(({ content }) => content);
}

/** Works on the store while the system is down. */
export async function whileClosed(
  test: TestSystem,
  work: (journal: LevelJournal) => Promise<void>,
  how: 'close' | 'kill' = 'close',
): Promise<void> {
  if (how === 'close') await test.close();
  const journal = await LevelJournal.open({ open: test.disk.open });
  await work(journal);
  await journal.close();
  await test.restart();
}

/** Keeps a snapshot of the session at `seq` that is whole in itself, and says something else than its events do. */
export async function forgeSnapshot(journal: LevelJournal, seq: number): Promise<void> {
  const stream = sessionStream(sessionId);
  const { events, chain = '' } = await journal.readFrom(stream, 0, { limit: seq });
  let state: SessionState = sessionLaw.initial(stream);
  for (const event of events) state = sessionLaw.evolve(state, event) ?? state;
  const text = sessionLaw.encode({ ...state, profile: { ...state.profile, name: 'forged' } });
  const { version: lawVersion } = sessionLaw;
  await journal.putSnapshot(stream, { seq, chain, at: 0, lawVersion, stateHash: sha256(text), state: text });
}
