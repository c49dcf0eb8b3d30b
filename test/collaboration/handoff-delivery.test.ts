// What follows an acceptance may be done again from any point: the target is told once, and what it cannot be told comes back.
import { expect, onTestFinished, test } from 'vitest';
import { HoldfastError } from '../../src/base/errors.ts';
import { EntityHost } from '../../src/collaboration/entity-host.ts';
import type { HandoffContext } from '../../src/collaboration/handoffs/handoff-context.ts';
import { deliver } from '../../src/collaboration/handoffs/handoff-delivery.ts';
import { resumeRemains } from '../../src/collaboration/handoffs/handoff-remains.ts';
import { findHandoff, noOwnership } from '../../src/domain/handoff/handoff.ts';
import type { SessionCommand } from '../../src/domain/session/session-commands.ts';
import { sessionLaw } from '../../src/domain/session/session-law.ts';
import type { SessionState } from '../../src/domain/session/session-state.ts';
import { offer } from '../support/handoff-life.ts';
import { memoryJournal } from '../support/memory-journal.ts';
import { opening } from '../support/session-states.ts';

async function accepted() {
  const memory = memoryJournal();
  const journal = await memory.open();
  const host = new EntityHost<SessionState, SessionCommand>({
    ...{ law: sessionLaw, journal, clock: memory.clock, mailboxSize: 10 },
    ...{ telemetry: () => {}, tell: () => {} },
  });
  onTestFinished(async () => {
    await host.close();
    await journal.close();
  });
  await host.send('customer', opening());
  await host.send('desk', opening());
  const { handoffId: id } = await host.send('customer', offer({ kind: 'full_handoff' }));
  const handoffId = String(id);
  await host.send('customer', { type: 'handoff.accept', handoffId, by: 'desk', agent: null });
  const failing = new Set<string>();
  const ended: string[] = [];
  const context: HandoffContext = {
    journal,
    send: (sessionId, command, meta) => {
      if (failing.delete(command.type))
        return Promise.reject(
          new HoldfastError('NOT_COMMITTED', { command: command.type, stream: sessionId }),
        );
      return host.send(sessionId, command, meta);
    },
    read: (sessionId) => host.read(sessionId),
    end: async (sessionId, reason) => {
      if (failing.delete('end'))
        throw new HoldfastError('SESSION_QUARANTINED', { sessionId, problem: 'it keeps failing' });
      return ended.push(`${sessionId} ${reason}`);
    },
  };
  const source = { manager: 'handoff-delivery', stream: 'session/customer', seq: 4, index: 0 };
  const ownership = async () => (await host.read('customer')).state.ownership ?? noOwnership;
  return {
    ...{ host, failing, ended, ownership },
    resume: () =>
      resumeRemains(
        { ...context, clock: memory.clock },
        ['customer', 'nobody'],
        new AbortController().signal,
      ),
    again: () => deliver(context, handoffId, source),
    complete: () => {
      const done = { outcome: 'success', reason: null, result: null } as const;
      return host.send('customer', { type: 'handoff.complete', handoffId, by: 'desk', ...done });
    },
    handoff: async () => findHandoff(await ownership(), handoffId),
    told: async () => (await host.read('desk')).state.conversation.window.length,
  };
}

test('a target that was told before the process died is not told again', async () => {
  const { again, failing, told, handoff, ended } = await accepted();
  failing.add('handoff.deliver');
  await expect(again()).rejects.toMatchObject({ code: 'NOT_COMMITTED' });
  expect([await told(), (await handoff())?.deliveredAt, ended]).toEqual([1, null, []]);
  await again();
  await again();
  expect(await told()).toBe(1);
  expect((await handoff())?.deliveredAt).not.toBeNull();
  expect(new Set(ended)).toEqual(new Set(['customer handedOver']));
});

test('what was left undone is done at the next start, and a target that was told before is not told again', async () => {
  const { again, resume, failing, told, handoff, ended } = await accepted();
  failing.add('handoff.deliver');
  await expect(again()).rejects.toMatchObject({ code: 'NOT_COMMITTED' });
  await resume();
  expect([await told(), ended]).toEqual([1, ['customer handedOver']]);
  expect((await handoff())?.deliveredAt).not.toBeNull();
});

test('a source that could not be ended when it was delivered is ended later', async () => {
  const { again, resume, failing, told, handoff, ended } = await accepted();
  failing.add('end');
  await expect(again()).rejects.toMatchObject({ code: 'SESSION_QUARANTINED' });
  expect([(await handoff())?.deliveredAt === null, ended]).toEqual([false, []]);
  await resume();
  expect([await told(), ended]).toEqual([1, ['customer handedOver']]);
});

test('what nobody was told yet is told at the next start', async () => {
  const { resume, told, handoff } = await accepted();
  await resume();
  await resume();
  expect(await told()).toBe(1);
  expect((await handoff())?.deliveredAt).not.toBeNull();
});

test('what is accepted and not delivered yet can be completed in a moment, and the refusal says that it passes', async () => {
  const { again, complete } = await accepted();
  await expect(complete()).rejects.toMatchObject({ code: 'HANDOFF_NOT_DELIVERED', retryable: true });
  await again();
  expect(await complete()).toMatchObject({ status: 'completed' });
});

test('a target that has stopped taking anything since is not told, and the session is whose it was', async () => {
  const { again, host, ended, told, handoff, ownership } = await accepted();
  await host.send('desk', { type: 'session.pause', reason: 'lunch' });
  await again();
  await again();
  expect(await handoff()).toMatchObject({
    status: 'returned',
    reason: 'SESSION_NOT_ACTIVE',
    outcome: 'failure',
  });
  expect(await ownership()).toMatchObject({ owner: null, ownershipEpoch: 2 });
  expect([await told(), ended]).toEqual([0, []]);
});

test('what is refused for a while is tried again by whoever delivers, and is no reason to give it back', async () => {
  const { again, failing, handoff } = await accepted();
  failing.add('handoff.receive');
  await expect(again()).rejects.toMatchObject({ code: 'NOT_COMMITTED' });
  expect((await handoff())?.status).toBe('accepted');
  await again();
  expect((await handoff())?.deliveredAt).not.toBeNull();
});
