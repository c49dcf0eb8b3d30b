// Of a space that is destroyed no note is kept of who was in it, and of a session that is deleted no space of its own, a temporary one neither.
import { expect, test } from 'vitest';
import { createTestSystem, type TestSystem } from '../../src/testing/index.ts';
import { codeOf, quiet } from '../support/outcome.ts';

const notesOf = async ({ disk }: TestSystem): Promise<string[]> =>
  (await disk.data.keys().all()).map(String).filter((key) => key.includes('spaces/of/'));

test('a space that is destroyed is noted for none of its members', async () => {
  await using system = await createTestSystem();
  const { sessions, spaces } = system.client;
  for (const spaceId of ['plan', 'other']) await spaces.create({ spaceId });
  for (const sessionId of ['a', 'b']) {
    await sessions.create({ sessionId });
    for (const spaceId of ['plan', 'other']) await spaces.join({ sessionId, spaceId });
  }
  await spaces.open({ sessionId: 'a', scope: 'session' });
  expect(await notesOf(system)).toHaveLength(5);
  await spaces.destroy({ spaceId: 'plan' });
  expect((await notesOf(system)).filter((key) => key.endsWith('/plan'))).toEqual([]);
  expect(await notesOf(system)).toHaveLength(3);
  const { spaceId } = await spaces.open({ sessionId: 'a', scope: 'session' });
  await spaces.destroy({ spaceId });
  expect(await notesOf(system)).toHaveLength(2);
});

test('the temporary space of a session that is deleted is gone; one of another name is not', async () => {
  await using system = await createTestSystem();
  const { sessions, spaces } = system.client;
  for (const sessionId of ['a', 'b']) await sessions.create({ sessionId });
  const own = await spaces.open({ sessionId: 'a', scope: 'temp' });
  const shared = await spaces.open({ sessionId: 'a', scope: 'temp', owner: 'batch 7' });
  for (const { spaceId } of [own, shared]) await spaces.set({ sessionId: 'a', spaceId, key: 'k', value: 1 });
  await sessions.terminate({ sessionId: 'a', cleanup: true });
  await quiet(60);
  expect(await codeOf(spaces.info({ spaceId: own.spaceId }))).toBe('SPACE_NOT_FOUND');
  expect(await codeOf(spaces.info({ spaceId: shared.spaceId }))).toBe('answered');
  expect(await notesOf(system)).toEqual([]);
});
