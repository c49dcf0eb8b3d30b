// The short form of the crash harness: a session and a whole system, cut off at every operation of their disk.
import { expect, test } from 'vitest';
import { crashMatrix } from '../../src/testing/index.ts';
import { sessionScenario } from '../torture/crash/session-sequences.ts';
import { systemMatrixScenario } from '../torture/crash/system-scenario.ts';

const seed = Math.floor(Math.random() * 2 ** 31);

test('of a session nothing that was acknowledged is lost or altered, wherever it is cut off', async () => {
  const options = { seed, sequences: 12, errors: 3, finishEvery: 3 };
  const { points } = await crashMatrix.entity(sessionScenario(10), options);
  expect(points).toBeGreaterThan(300);
}, 120_000);

test('nor with commands under way together', async () => {
  const options = { seed, sequences: 4, errors: 4, finishEvery: 3, inFlight: 3 };
  const { points } = await crashMatrix.entity(sessionScenario(10), options);
  expect(points).toBeGreaterThan(80);
}, 120_000);

test('nor of a system with sessions, an agent and every way of putting a session to rest', async () => {
  const options = { seed, sequences: 2, crashes: 40, errors: 10, finishEvery: 2 };
  const { points } = await crashMatrix.system(systemMatrixScenario(8), options);
  expect(points).toBeGreaterThan(80);
}, 120_000);
