// Names: one holder at a time, and a late goodbye of a former one takes nothing from the next.
import { expect, test } from 'vitest';
import { Registry } from '../../src/actor/registry.ts';

const entry = (ref: string, incarnation = 1) => ({ ref, incarnation, registeredAt: 0 });

test('a name has one holder: the second is refused, and the first stays', () => {
  const registry = new Registry<string>();
  expect(registry.register('session:a', entry('first'))).toBe(true);
  expect(registry.register('session:a', entry('second', 2))).toBe(false);
  expect(registry.find('session:a')).toBe('first');
  expect(registry.entry('session:a')).toEqual(entry('first'));
  expect([registry.size, [...registry.names()]]).toEqual([1, ['session:a']]);
});

test('a name that was freed can be taken by the next incarnation, and a late goodbye of the former frees nothing', () => {
  const registry = new Registry<string>();
  registry.register('session:a', entry('first', 1));
  registry.unregister('session:a', 1);
  expect(registry.find('session:a')).toBeUndefined();
  registry.register('session:a', entry('second', 2));
  registry.unregister('session:a', 1);
  expect(registry.find('session:a')).toBe('second');
});

test.each(['constructor', '__proto__', 'toString', 'hasOwnProperty'])(
  '%s is a name like any other',
  (name) => {
    const registry = new Registry<string>();
    expect(registry.find(name)).toBeUndefined();
    expect(registry.register(name, entry('a'))).toBe(true);
    expect(registry.find(name)).toBe('a');
    registry.unregister(name, 1);
    expect(registry.size).toBe(0);
  },
);
