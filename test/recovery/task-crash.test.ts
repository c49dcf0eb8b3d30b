// The short form of the crash matrix of tasks: the tasks of a session, cut off at every operation of their disk. The long form is
// `npm run torture -- task-crash`.
import { expect, test } from 'vitest';
import { crashMatrix } from '../../src/testing/index.ts';
import { tasksScenario } from '../torture/crash/task-sequences.ts';

const seed = Math.floor(Math.random() * 2 ** 31);

test('wherever tasks are cut off nothing that was answered of them is lost, and none is half done', async () => {
  const options = { seed, sequences: 8, errors: 3, finishEvery: 4 };
  const { points } = await crashMatrix.entity(tasksScenario(12), options);
  expect(points).toBeGreaterThan(100);
}, 60_000);

test('nor with commands under way together', async () => {
  const options = { seed, sequences: 3, errors: 3, finishEvery: 4, inFlight: 3 };
  const { points } = await crashMatrix.entity(tasksScenario(10), options);
  expect(points).toBeGreaterThan(30);
}, 60_000);
