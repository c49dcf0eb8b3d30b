// Waiting for what others bring about.
import { afterEach, beforeEach, expect, test } from 'vitest';
import { untilFound } from '../../src/base/until-found.ts';
import { codeOf, quiet, watch } from '../support/outcome.ts';

const warnings: string[] = [];
const warned = ({ message }: Error): void => void warnings.push(message);

beforeEach(() => {
  warnings.length = 0;
  process.on('warning', warned);
});

afterEach(() => {
  process.off('warning', warned);
});

/** Something that changes, and is looked at. */
function changing() {
  const listeners = new Set<() => void>();
  let value: number | undefined;
  return {
    listeners,
    listen: (changed: () => void) => {
      listeners.add(changed);
      return () => void listeners.delete(changed);
    },
    look: async () => value,
    become(next: number) {
      value = next;
      for (const changed of listeners) changed();
    },
  };
}

test('many wait at once under one signal, each is answered once, and nothing is left of them', async () => {
  const thing = changing();
  const { signal } = new AbortController();
  const waiting = Array.from({ length: 50 }, () => untilFound({ ...thing, ends: [signal] }, thing.look));
  await quiet();
  thing.become(1);
  expect(await Promise.all(waiting)).toEqual(waiting.map(() => 1));
  await quiet();
  expect([thing.listeners.size, warnings]).toEqual([0, []]);
});

test('the first that is aborted ends it with its reason, also when it was aborted before', async () => {
  const thing = changing();
  const [first, second] = [new AbortController(), new AbortController()];
  const seen = watch(untilFound({ ...thing, ends: [undefined, first.signal, second.signal] }, thing.look));
  await quiet();
  second.abort(Object.assign(new Error('over'), { code: 'OVER' }));
  await quiet();
  expect([seen.outcome, thing.listeners.size]).toEqual(['OVER', 0]);
  expect(await codeOf(untilFound({ ...thing, ends: [second.signal] }, thing.look))).toBe('OVER');
  expect(thing.listeners.size).toBe(0);
});

test('what cannot be looked at is refused with what was wrong', async () => {
  const { listen, listeners } = changing();
  const look = () => Promise.reject(Object.assign(new Error('gone'), { code: 'GONE' }));
  expect(await codeOf(untilFound({ listen, ends: [] }, look))).toBe('GONE');
  expect(listeners.size).toBe(0);
});
