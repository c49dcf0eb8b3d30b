// The memories harness: the law of memories against its model by random lives, with erasures, reloads and time passing.
import fc from 'fast-check';
import { memoryMoves, rememberAsModelled } from '../support/memory-model.ts';
import type { Harness } from './harness.ts';

export const memoriesHarness: Harness = {
  name: 'memories',
  summary: 'memories: lives against a model (3,000), with erasures, reloads and time passing',
  async run({ cycles, short, seed, progress }) {
    const lives = cycles ?? (short ? 300 : 3_000);
    let [done, moves] = [0, 0];
    const property = fc.property(memoryMoves, (life) => {
      rememberAsModelled(life);
      moves += life.length;
      progress(++done, lives, 'lives');
    });
    const found = fc.check(property, { numRuns: lives, seed });
    const broken = found.failed
      ? [`lives: ${String(found.errorInstance)} after ${fc.stringify(found.counterexample)}`]
      : [];
    const rows = [
      ['lives against the model', done],
      ['moves', moves],
    ] as const;
    return { rows, broken };
  },
};
