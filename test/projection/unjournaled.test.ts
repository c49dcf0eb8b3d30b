// What changes outside the feed reaches a read model once per turn or at the next answer, and none of it is lost to a rebuild.
import { describe, expect, test } from 'vitest';
import type { Head } from '../../src/journal/journal.ts';
import { Unjournaled } from '../../src/projection/unjournaled.ts';

function world() {
  const heads = new Map<string, Head>();
  const listeners = new Set<(stream: string) => void>();
  const taken: number[] = [];
  const unjournaled = new Unjournaled(
    {
      watch(changed) {
        listeners.add(changed);
        return () => listeners.delete(changed);
      },
      peek: (stream) => heads.get(stream),
    },
    () => taken.push(taken.length),
  );
  const change = (stream: string, seq?: number): void => {
    if (seq === undefined) heads.delete(stream);
    else heads.set(stream, { stream, seq } as Head);
    for (const changed of listeners) changed(stream);
  };
  const flushed = (): string[] => {
    const placed: string[] = [];
    unjournaled.flush((stream, head) => placed.push(`${stream} ${head?.seq ?? 'gone'}`));
    return placed;
  };
  return { unjournaled, change, flushed, taken, listeners };
}

describe('streams of which no feed tells', () => {
  test('are handed out once, as they stand when they are asked for', () => {
    const { change, flushed } = world();
    change('session/a', 1);
    change('session/b', 1);
    change('session/a', 2);
    change('session/b');
    expect(flushed()).toEqual(['session/a 2', 'session/b gone']);
    expect(flushed()).toEqual([]);
  });

  test('call for being taken in once per turn, however often they change', async () => {
    const { change, taken, unjournaled, listeners } = world();
    for (let seq = 1; seq <= 100; seq++) change('session/a', seq);
    expect(taken.length).toBe(0);
    await new Promise((resolve) => setImmediate(resolve));
    expect(taken.length).toBe(1);
    unjournaled.stop();
    expect(listeners.size).toBe(0);
  });

  test('that changed while a model was built are handed out to it too', () => {
    const { unjournaled, change, flushed } = world();
    unjournaled.beginBuild();
    change('session/a', 1);
    expect(flushed()).toEqual(['session/a 1']);
    unjournaled.endBuild();
    expect(flushed()).toEqual(['session/a 1']);
    change('session/b', 1);
    unjournaled.endBuild();
    expect(flushed()).toEqual(['session/b 1']);
  });
});
