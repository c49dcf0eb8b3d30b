// The process of the corrupt campaign: writes the last opening of a store and waits to be killed, or judges what it is given.
import type { CorruptTask } from './corrupt/judge-process.ts';
import { judge } from './corrupt/judgement.ts';
import { openings, type Writing, write } from './corrupt/writing.ts';

const task = JSON.parse(process.argv[2] ?? '{}') as CorruptTask;
if (task.what === 'judge')
  process.on('message', async (writing: Writing) => process.send?.(await judge(writing)));
else {
  await write(task.writing, openings - 1);
  process.send?.('written');
}
