// What is preserved for whoever goes on is in the user's own types, as messages and the working context are: in the package, in the
// message that tells of it, and behind a restart.
import { expect, test } from 'vitest';
import { richCodecs } from '../../src/base/payload-codec.ts';
import { createTestSystem, type TestSystem } from '../../src/testing/test-system.ts';
import { codeOf, errorOf, quiet } from '../support/outcome.ts';

const customer = { sessionId: 'customer' };
const desk = { sessionId: 'desk' };

const preserved = (): unknown => ({
  seats: new Map([['1A', { price: 12n, taken: new Set(['anna']) }]]),
  since: new Date(0),
  odd: [undefined, Number.NaN, -0, Uint8Array.of(1, 2)],
  named: { $codec: 'a member of this name', value: 1 },
});

async function world(codecs = true): Promise<TestSystem> {
  const system = await createTestSystem(codecs ? { codecs: richCodecs } : {});
  for (const one of [customer, desk]) await system.client.sessions.create(one);
  return system;
}

test('a handoff brings what was preserved as it was: offered, accepted, told, returned, and behind a restart', async () => {
  await using system = await world();
  const value = preserved();
  const offered = await system.client.handoffs.offer({
    ...{ ...customer, to: desk, kind: 'context_transfer', preservedState: value },
  });
  const { handoffId, handoff } = offered;
  expect(handoff.package?.preservedState).toStrictEqual(value);
  const read = async (who: { sessionId: string }): Promise<unknown> =>
    (await system.client.handoffs.get({ ...who, handoffId })).package?.preservedState;
  const [waiting] = await system.client.handoffs.inbox(desk);
  expect(waiting?.package?.preservedState).toStrictEqual(value);
  await system.restart('kill');
  expect(await read(customer)).toStrictEqual(value);
  await system.client.handoffs.accept({ ...desk, handoffId, digest: handoff.digest });
  await quiet();
  const told = async (): Promise<unknown> => {
    const { items } = await system.client.messages.list({ ...desk, limit: 10 });
    return (items[0]?.metadata as { preservedState?: unknown } | undefined)?.preservedState;
  };
  expect(await told()).toStrictEqual(value);
  await system.restart();
  expect(await told()).toStrictEqual(value);
  expect(await read(desk)).toStrictEqual(value);
  await system.client.handoffs.complete({ ...desk, handoffId, outcome: 'success' });
  expect(await read(customer)).toStrictEqual(value);
});

test('a task that is handed over brings it to whoever takes it', async () => {
  await using system = await world();
  const { tasks } = system.client;
  const one = { ...customer, taskId: 'one' };
  await tasks.create({ ...one, title: 'one' });
  const { epoch } = await tasks.start({ ...one, owner: 'anna' });
  const value = preserved();
  await tasks.offer({ ...one, epoch, to: 'ben', summary: 'half done', preservedState: value });
  await system.restart('kill');
  const taken = await system.client.tasks.take({ ...one, by: 'ben' });
  expect(taken.package.preservedState).toStrictEqual(value);
});

test('without codecs what JSON would alter is refused by its place', async () => {
  await using system = await world(false);
  const offer = (preservedState: unknown) =>
    system.client.handoffs.offer({ ...customer, to: desk, kind: 'context_transfer', preservedState });
  expect(await errorOf(offer({ a: new Map() }))).toMatchObject({
    ...{ code: 'NOT_JSON', details: { path: '$.preservedState.a' } },
  });
  expect(await codeOf(offer({ a: [1] }))).toBe('answered');
});
