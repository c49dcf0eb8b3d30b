import { setImmediate as nextTurn } from 'node:timers/promises';
import { expect, test } from 'vitest';
import { laterOnce } from '../../src/base/loop-turns.ts';

test('what nobody waits for runs once behind the next commit, however often it is asked for, and again when it is asked for again', async () => {
  const turns: string[] = [];
  const later = laterOnce(() => turns.push('later'));
  later();
  later();
  await nextTurn();
  turns.push('the next commit is with the disk');
  later();
  await nextTurn();
  await nextTurn();
  expect(turns).toEqual(['the next commit is with the disk', 'later']);
  later();
  await nextTurn();
  await nextTurn();
  await nextTurn();
  expect(turns).toEqual(['the next commit is with the disk', 'later', 'later']);
});
