// The short form of the crash matrix of handoffs: a session that is handed to and fro, cut off at operations of its disk.
import { expect, test } from 'vitest';
import { crashMatrix } from '../../src/testing/index.ts';
import { handoffScenario } from '../torture/crash/handoff-scenario.ts';

const seed = Math.floor(Math.random() * 2 ** 31);

test('wherever a handoff is cut off one session owns what was handed over, and whoever took it is told once', async () => {
  const options = { seed, sequences: 1, crashes: 14, errors: 4, finishEvery: 4 };
  const { points } = await crashMatrix(handoffScenario(5), options);
  expect(points).toBeGreaterThan(15);
}, 120_000);
