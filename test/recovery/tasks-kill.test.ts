// The short form of the tasks harness: real processes, real files, real kills.
import { expect, test } from 'vitest';
import { tasksHarness } from '../torture/tasks.ts';

test('tasks that wait for each other are carried out in order, each effect once, whenever the process is killed', async () => {
  const seed = Math.floor(Math.random() * 2 ** 31);
  const { rows, broken } = await tasksHarness.run({
    cycles: undefined,
    short: true,
    seed,
    progress: () => {},
  });
  expect(broken, `seed ${seed}`).toEqual([]);
  expect(Object.fromEntries(rows)).toMatchObject({ tasks: 200, completed: 200, 'effects recorded': 200 });
}, 120_000);
