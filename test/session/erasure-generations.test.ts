// What is erased of a session that has given something up: a message on either side of it, without a word of what was given up.
import { afterEach, beforeEach, expect, test } from 'vitest';
import type { TestSystem } from '../../src/testing/index.ts';
import { codeOf, errorOf } from '../support/outcome.ts';
import { damage, one, recovered } from '../support/recovered-session.ts';

const reason = 'asked to';

let system: TestSystem;

beforeEach(async () => {
  system = await recovered();
});
afterEach(() => system.close());

const said = async (): Promise<unknown> =>
  (await system.client.messages.list(one)).items.map(({ content }) => content);

test('a message behind what was given up is erased, and both sides are proven still', async () => {
  const { generations, dropped } = await system.client.sessions.verify(one);
  expect(await system.client.messages.erase({ ...one, seq: 11, reason })).toMatchObject({ erased: 1 });
  for (const how of [undefined, 'kill'] as const) {
    if (how !== undefined) await system.restart(how);
    expect(await said()).toEqual(['m1', 'm2', 'm3', 'm4', null]);
    expect(await system.client.sessions.verify(one)).toMatchObject({
      ...{ valid: true, dropped, generations: [generations[0], { ...generations[1], through: 13 }] },
    });
  }
});

test('a message that was given up and can be read is erased; one that cannot is named as what it is', async () => {
  expect(await system.client.messages.erase({ ...one, seq: 9, reason })).toMatchObject({ erased: 1 });
  expect(await errorOf(system.client.messages.erase({ ...one, seq: 8, reason }))).toMatchObject({
    ...{ code: 'NOT_ERASABLE', details: { seq: 8, type: 'unknown' } },
  });
  expect(await system.client.sessions.verify(one)).toMatchObject({ valid: true });
});

test('damage that nobody gave up is told as before', async () => {
  await system.restart('close');
  await damage(system, 11);
  expect(await codeOf(system.client.messages.erase({ ...one, seq: 5, reason }))).toBe('JOURNAL_CORRUPT');
});
