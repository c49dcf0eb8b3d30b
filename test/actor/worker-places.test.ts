// Places for threads: never more than there are, in turn by group, one for each key.
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { WorkerPlaces } from '../../src/actor/worker/worker-places.ts';
import { quiet } from '../support/outcome.ts';

function claims(places: WorkerPlaces) {
  const granted: string[] = [];
  const releases = new Map<string, () => void>();
  const aborts = new Map<string, AbortController>();
  let waited = 0;
  const take = (key: string, group: string): void => {
    const controller = new AbortController();
    aborts.set(key, controller);
    const onWait = (): void => {
      waited += 1;
    };
    void places.take({ key, group, signal: controller.signal, onWait }).then((release) => {
      if (release === undefined) return;
      granted.push(key);
      releases.set(key, release);
    });
  };
  return { granted, releases, aborts, take, waits: () => waited };
}

test('groups take turns, and within one who came first is first', async () => {
  const places = new WorkerPlaces(1);
  const { granted, releases, take, waits } = claims(places);
  for (const key of ['a1', 'a2', 'a3', 'b1', 'c1', 'b2']) take(key, key.charAt(0));
  expect([places.running, places.waiting, waits()]).toEqual([1, 5, 5]);
  for (let i = 0; i < 6; i++) {
    await quiet(1);
    releases.get(granted.at(-1) ?? '')?.();
  }
  expect(granted).toEqual(['a1', 'a2', 'b1', 'c1', 'a3', 'b2']);
  await places.idle();
});

test('a key that has a place waits until that is given back, and holds up nobody', async () => {
  const places = new WorkerPlaces(3);
  const { granted, releases, take } = claims(places);
  take('a', 's');
  await quiet(1);
  const first = releases.get('a');
  take('a', 's');
  take('b', 's');
  await quiet(1);
  expect(granted).toEqual(['a', 'b']);
  first?.();
  await quiet(1);
  expect(granted).toEqual(['a', 'b', 'a']);
  first?.();
  expect(places.running).toBe(2);
});

test('there are never more than there may be, and nobody who waits is forgotten', async () => {
  const step = fc.tuple(fc.constantFrom('take', 'release', 'give up'), fc.nat(5), fc.nat(2));
  const law = fc.asyncProperty(
    fc.integer({ min: 1, max: 3 }),
    fc.array(step, { maxLength: 40, size: 'max' }),
    async (max, steps) => {
      const places = new WorkerPlaces(max);
      const { granted, releases, aborts, take } = claims(places);
      let taken = 0;
      let gaveUp = 0;
      for (const [what, n, group] of steps) {
        if (what === 'take') take(`k${++taken}`, `g${group}`);
        else if (what === 'release') releases.get(granted[n] ?? '')?.();
        else if (!granted.includes(`k${n}`) && aborts.has(`k${n}`) && !aborts.get(`k${n}`)?.signal.aborted) {
          aborts.get(`k${n}`)?.abort();
          gaveUp += 1;
        }
        await quiet(1);
        expect(places.running).toBeLessThanOrEqual(max);
      }
      for (let i = 0; i <= taken; i++) {
        for (const release of releases.values()) release();
        await quiet(1);
      }
      expect(granted.length).toBe(taken - gaveUp);
      expect([places.running, places.waiting]).toEqual([0, 0]);
    },
  );
  await fc.assert(law, { numRuns: 60 });
});
