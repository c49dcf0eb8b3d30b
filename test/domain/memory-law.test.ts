// The law of memories: its formula by hand, its limits by example, and whole lives against a model.
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { qualityOf, specificityOf } from '../../src/domain/memory/memory-confidence.ts';
import { MemoryLife } from '../support/memory-life.ts';
import { memoryMoves, rememberAsModelled } from '../support/memory-model.ts';

const origin = { by: null, runId: null, sources: [] };
const proposal = (importance: number, content = 'x', kind: string | null = null) =>
  ({
    type: 'memory.propose',
    ...{ kind, content, importance, tags: [], origin, bytes: 10 },
    durability: 'fsync',
  }) as const;
const words = 'one two three four five six seven eight nine ten';

test('random lives are as the model says, also when payloads are erased and states reloaded', () => {
  fc.assert(fc.property(memoryMoves, rememberAsModelled), { numRuns: 100 });
});

test('what was erased leaves the durability of the session known', () => {
  const life = new MemoryLife();
  life.send({ ...proposal(0.5), durability: 'os' }, 0);
  life.erase([1], 1);
  expect(life.state).toMatchObject({ pending: [], durability: 'os', counts: { proposed: 1, erased: 1 } });
  expect(life.replayed).toBe(life.text);
});

describe('the confidence of a memory', () => {
  test('is 0.4 of its importance, 0.3 of its quality, 0.2 of its kind and 0.1 of its youth', () => {
    const life = new MemoryLife();
    life.send(proposal(1, words, 'fact'), 0);
    life.send(proposal(0.5, 'five words are not ten'), 0);
    life.send({ type: 'memory.promote', memoryId: 'm1' }, 150_000);
    life.send({ type: 'memory.promote', memoryId: 'm2' }, 299_999);
    const confidences = [...life.state.kept.entries()].map(([, { confidence }]) => confidence);
    expect(confidences.sort()).toEqual([0.2 + 0.15, 0.4 + 0.3 + 0.2 + 0.05]);
  });

  test.each([
    [null, 0],
    ['', 0],
    ['   ', 0],
    ['Yes yes YES', 0.1],
    [words, 1],
    [0, 0.5],
    [false, 0.5],
    [[], 0],
    [['a'], 1 / 3],
    [{ a: 1, b: null, c: {} }, 1 / 3],
  ])('takes the quality of %j for %d', (content, quality) => {
    expect(qualityOf(content)).toBeCloseTo(quality);
  });

  test('knows kinds, takes those of users for less, and none for nothing', () => {
    expect(['fact', 'analysis', 'conversation', 'mine', '__proto__', null].map(specificityOf)).toEqual([
      1, 0.8, 0.4, 0.6, 0.6, 0,
    ]);
  });
});

describe('a judgement', () => {
  test('by command promotes what is important and sure enough, at most a batch, oldest first', () => {
    const life = new MemoryLife();
    for (let i = 0; i < 12; i++) life.send(proposal(0.9), i);
    life.send(proposal(0.4, words, 'fact'), 12);
    const all = Array.from({ length: 12 }, (_, i) => `m${i + 1}`);
    expect(life.send({ type: 'memory.evaluate' }, 20)).toMatchObject({ promoted: all.slice(0, 10) });
    expect(life.send({ type: 'memory.evaluate' }, 21)).toMatchObject({ promoted: all.slice(10) });
    expect(life.send({ type: 'memory.evaluate' }, 22)).toMatchObject({ promoted: [], rejected: [] });
    expect(life.state.pending).toHaveLength(1);
  });

  test('after 300 seconds promotes what is sure enough whatever its importance, and lets the rest go', () => {
    const life = new MemoryLife();
    life.send(proposal(0.49, words), 0);
    life.send(proposal(0.49), 0);
    life.pass(299_999);
    expect(life.state.pending).toHaveLength(2);
    life.pass(300_000);
    expect(life.state.pending).toEqual([]);
    expect([...life.state.kept.entries()].map(([id, { why }]) => [id, why])).toEqual([['m1', 'age']]);
    expect(life.state.counts).toMatchObject({ promoted: 1, rejected: 1 });
  });
});
