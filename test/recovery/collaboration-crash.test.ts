// The short form of the crash matrix of locks and roster, permits, and tasks: one sequence each, cut off at a few operations of its disk.
// The long form is `npm run torture -- collaboration-crash`.
import { expect, test } from 'vitest';
import { crashMatrix } from '../../src/testing/index.ts';
import { lockScenario } from '../torture/crash/lock-scenario.ts';
import { permitScenario } from '../torture/crash/permit-scenario.ts';
import { taskScenario } from '../torture/crash/task-scenario.ts';

const few = { seed: 5, sequences: 1, crashes: 4, errors: 2, finishEvery: 4, shrinks: 0 };

test('wherever locks and roster are cut off no lock strands, no token goes back and no work is lost', async () => {
  expect((await crashMatrix(lockScenario(3), few)).points).toBe(6);
}, 120_000);

test('wherever permits are cut off each is in use or free within its lease, and never too many are', async () => {
  expect((await crashMatrix(permitScenario(3), few)).points).toBe(6);
}, 120_000);

test('wherever tasks and their runner are cut off each task ends, or waits for somebody by rule', async () => {
  expect((await crashMatrix(taskScenario(3), few)).points).toBe(6);
}, 120_000);
