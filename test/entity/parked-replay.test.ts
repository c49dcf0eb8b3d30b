// A replay with parked events: what it leaves out, and that it stops where the record is not the one that was parked.
import { expect, test } from 'vitest';
import { sessionLaw } from '../../src/domain/session/session-law.ts';
import { hydrate } from '../../src/entity/hydrate.ts';
import { stateAt } from '../../src/entity/state-at.ts';
import { type Parking, parkedDigest, replayingWith } from '../../src/journal/replay-guard.ts';
import { RoutedJournal } from '../../src/journal/routed-journal.ts';
import { createTestSystem } from '../../src/testing/test-system.ts';
import { memoryJournal } from '../support/memory-journal.ts';
import { codeOf } from '../support/outcome.ts';

const stream = 'session/one';

/** A stored session with messages at seqs 3 to 7, to be folded by a guard. */
async function stored() {
  const test = await createTestSystem();
  await test.client.sessions.create({ sessionId: 'one' });
  for (const content of ['a', 'b', 'c', 'd', 'e'])
    await test.client.messages.send({ sessionId: 'one', role: 'user', content });
  await test.close();
  const { clock } = memoryJournal();
  const { LevelJournal } = await import('../../src/journal/level-journal.ts');
  const level = await LevelJournal.open({
    open: test.disk.open,
    clock,
    telemetry: () => {},
    chance: () => 0,
  });
  const journal = RoutedJournal.over(level);
  const hashOf = async (seq: number) => (await journal.readFrom(stream, seq - 1, { limit: 1 })).chain ?? '';
  const parking = async (seq: number): Promise<Parking> => ({ seq, hash: await hashOf(seq), action: 'skip' });
  const guard = (...parkings: readonly Parking[]) => {
    const parked = new Map(parkings.map((one) => [one.seq, one]));
    journal.guardBy(replayingWith((of) => (of === stream && parked.size > 0 ? parked : undefined)));
  };
  return { journal, parking, guard, [Symbol.asyncDispose]: () => level.close() };
}

const contents = (state: ReturnType<typeof sessionLaw.initial>): unknown[] =>
  state.conversation.window.toArray().map(({ data }) => data.content);

test('hydration and time travel leave out the same, at every place', async () => {
  await using world = await stored();
  const { journal, parking, guard } = world;
  for (const skipped of [[3], [7], [4, 5], [3, 5, 7], [3, 4, 5, 6, 7]]) {
    guard(...(await Promise.all(skipped.map(parking))));
    const left = ['a', 'b', 'c', 'd', 'e'].filter((_, i) => !skipped.includes(i + 3));
    const { state, head } = await hydrate(sessionLaw, stream, journal, () => {});
    expect(contents(state)).toEqual(left);
    if (head === undefined) throw new Error('it is stored');
    expect(contents((await stateAt(sessionLaw, journal, head, 7)).state)).toEqual(left);
  }
});

test('where another record stands in the place of the parked one nobody goes on', async () => {
  await using world = await stored();
  const { journal, parking, guard } = world;
  guard({ ...(await parking(4)), hash: (await parking(5)).hash });
  expect(await codeOf(hydrate(sessionLaw, stream, journal, () => {}))).toBe('PARKED_ELSEWHERE');
});

test('a digest says what is left out up to a seq, and nothing of what comes behind', () => {
  const one: Parking = { seq: 3, hash: 'h', action: 'skip' };
  const two: Parking = { seq: 9, hash: 'h', action: 'edit', data: { a: 1 } };
  const both = new Map([one, two].map((parking) => [parking.seq, parking]));
  expect(parkedDigest(undefined, 10)).toBeUndefined();
  expect(parkedDigest(both, 2)).toBeUndefined();
  expect(parkedDigest(both, 8)).toBe(parkedDigest(new Map([[3, one]]), 100));
  expect(parkedDigest(both, 9)).not.toBe(parkedDigest(both, 8));
  const edited = new Map(both).set(9, { ...two, data: { a: 2 } });
  expect(parkedDigest(edited, 9)).not.toBe(parkedDigest(both, 9));
});
