// A ring: bounded whatever happens, with an honest count of what fell out, and one wake-up for all who wait.
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { Ring, type Waiter } from '../../src/pubsub/ring.ts';
import { quiet } from '../support/outcome.ts';

const isVolatile = (item: number): boolean => item < 0;
const waiter = (wake: () => void): Waiter => ({ isWaiting: false, wake });

test('it holds the newest items, each under its index, and counts the volatile ones that fell out', () => {
  const lists = fc.array(fc.integer({ min: -9, max: 9 }), { maxLength: 60, size: 'max' });
  fc.assert(
    fc.property(lists, fc.integer({ min: 1, max: 9 }), (items, capacity) => {
      const ring = new Ring<number>({ capacity, isVolatile });
      for (const item of items) ring.push(item);
      const held = Array.from({ length: ring.end - ring.first }, (_, i) => ring.at(ring.first + i));
      expect(held).toEqual(items.slice(-capacity));
      expect(ring.end).toBe(items.length);
      expect(ring.volatile).toBe(items.filter(isVolatile).length);
      expect(ring.lost).toBe(items.slice(0, ring.first).filter(isVolatile).length);
    }),
  );
});

test('who waits is woken once, however much came, and not again before waiting again', async () => {
  const ring = new Ring<number>({ capacity: 8, isVolatile });
  const woken: string[] = [];
  const [first, second, left] = ['first', 'second', 'left'].map((name) => waiter(() => woken.push(name)));
  for (const each of [first, second, left]) if (each !== undefined) ring.wait(each);
  if (left !== undefined) ring.stopWaiting(left);
  for (const item of [1, 2, 3]) ring.push(item);
  expect(woken).toEqual([]);
  await quiet(1);
  expect(woken).toEqual(['first', 'second']);
  ring.push(4);
  await quiet(1);
  expect(woken.length).toBe(2);
});

test('who waits again while being woken is woken by the next item', async () => {
  const ring = new Ring<number>({ capacity: 8, isVolatile });
  const seen: number[] = [];
  const eager: Waiter = waiter(() => {
    seen.push(ring.end);
    ring.wait(eager);
  });
  ring.wait(eager);
  for (const item of [1, 2, 3]) {
    ring.push(item);
    await quiet(1);
  }
  expect(seen).toEqual([1, 2, 3]);
});

test('one that leaves in the middle of a wake-up is not woken any more, and one that stays is', async () => {
  const ring = new Ring<number>({ capacity: 8, isVolatile });
  const woken: string[] = [];
  const later = waiter(() => woken.push('later'));
  ring.wait(waiter(() => ring.stopWaiting(later)));
  ring.wait(later);
  ring.wait(waiter(() => woken.push('last')));
  ring.push(1);
  await quiet(1);
  expect(woken).toEqual(['last']);
});

test('a change is one promise for all who wait for it, kept by the next item, or by somebody who rouses them', async () => {
  const ring = new Ring<number>({ capacity: 8, isVolatile });
  const seen: string[] = [];
  const look = (name: string): void => void ring.changed.then(() => seen.push(`${name} ${ring.end}`));
  expect(ring.changed).toBe(ring.changed);
  look('a');
  look('b');
  await quiet(1);
  expect(seen).toEqual([]);
  ring.push(1);
  look('c');
  await quiet(1);
  expect(seen).toEqual(['a 1', 'b 1']);
  ring.rouse();
  ring.rouse();
  await quiet(1);
  expect(seen).toEqual(['a 1', 'b 1', 'c 1']);
});

test('who waits twice is woken once', async () => {
  const ring = new Ring<number>({ capacity: 8, isVolatile });
  let woken = 0;
  const twice = waiter(() => {
    woken += 1;
    // Were it in the list twice, the second place would wake it once more.
    if (woken === 1) ring.wait(twice);
  });
  ring.wait(twice);
  ring.wait(twice);
  ring.push(1);
  await quiet(1);
  expect(woken).toBe(1);
});
