// What could not be delivered because the session that was handed over took nothing is delivered once it does, and once only.
import { expect, onTestFinished, test } from 'vitest';
import type { HandoffKind } from '../../src/domain/handoff/handoff.ts';
import { createTestSystem, type TestSystem } from '../../src/testing/index.ts';
import { codeOf, quiet } from '../support/outcome.ts';

const a = { sessionId: 'a' };
const b = { sessionId: 'b' };

async function settle({ clock }: TestSystem): Promise<void> {
  for (let round = 0; round < 10; round++) {
    await quiet(10);
    await clock.advance(20);
  }
}

/** `a` was accepted by `b`, and is quarantined before it can record that `b` has the package. */
async function strandedBehind(kind: HandoffKind) {
  const system = await createTestSystem({ sessionRestarts: { maxRestarts: 1 } });
  onTestFinished(() => system.close());
  const { sessions, handoffs } = system.client;
  for (const session of [a, b]) await sessions.create(session);
  const { handoffId } = await handoffs.offer({ ...a, to: b, kind });
  const accepting = codeOf(handoffs.accept({ ...b, handoffId }));
  const isAccepted = async (): Promise<boolean> =>
    (await handoffs.get({ ...b, handoffId })).status === 'accepted';
  while (!(await isAccepted())) await quiet(1);
  const held = system.disk.holdWrites();
  expect(await handoffs.get({ ...b, handoffId })).toMatchObject({ deliveredAt: null });
  for (let crashes = 0; (await sessions.get(a)).status !== 'quarantined'; crashes++) {
    if (crashes > 20) throw new Error('it is not quarantined, however often it crashes');
    try {
      system.crash('a');
    } catch {
      await Promise.race([codeOf(sessions.wake(a)), quiet(5)]);
    }
    await system.clock.advance(500);
    await quiet();
  }
  held.release();
  await settle(system);
  expect(await accepting).toBe('answered');
  expect(await handoffs.get({ ...b, handoffId })).toMatchObject({ status: 'accepted', deliveredAt: null });
  return { system, handoffId };
}

async function standing({ client }: TestSystem, handoffId: string) {
  const { status, deliveredAt } = await client.handoffs.get({ ...b, handoffId });
  const told = (await client.messages.list(b)).items.length;
  return { status, isDelivered: deliveredAt !== null, told, source: (await client.sessions.get(a)).status };
}

test('a handoff whose source was quarantined behind the acceptance is delivered when it is retried, and told once', async () => {
  const { system, handoffId } = await strandedBehind('full_handoff');
  const { sessions, handoffs } = system.client;
  expect(await codeOf(handoffs.complete({ ...b, handoffId }))).toBe('SESSION_QUARANTINED');
  await sessions.retry(a);
  await settle(system);
  expect(await standing(system, handoffId)).toEqual({
    ...{ status: 'accepted', isDelivered: true, told: 1, source: 'terminated' },
  });
  expect(await handoffs.complete({ ...b, handoffId })).toMatchObject({ status: 'completed' });
});

test('a process that dies behind the retry leaves it to the next one', async () => {
  const { system, handoffId } = await strandedBehind('full_handoff');
  await system.client.sessions.retry(a);
  await system.restart('kill');
  await settle(system);
  expect(await standing(system, handoffId)).toEqual({
    ...{ status: 'accepted', isDelivered: true, told: 1, source: 'terminated' },
  });
});

test('it waits across restarts for as long as its source is quarantined', async () => {
  const { system, handoffId } = await strandedBehind('context_transfer');
  await system.restart();
  await settle(system);
  expect(await standing(system, handoffId)).toMatchObject({ isDelivered: false, source: 'quarantined' });
  await system.client.sessions.retry(a);
  await settle(system);
  expect(await standing(system, handoffId)).toEqual({
    ...{ status: 'accepted', isDelivered: true, told: 1, source: 'active' },
  });
});
