// What is done for a member that died is tried again until it is done: by then it may be back, and what it has since is its own.
import { expect, onTestFinished, test } from 'vitest';
import { HoldfastError } from '../../src/base/errors.ts';
import { Locks } from '../../src/collaboration/locks/locks.ts';
import { Roster } from '../../src/collaboration/roster/roster.ts';
import { defaultConflictPolicy as policy } from '../../src/domain/lock/conflicts.ts';
import type { AcquireLock } from '../../src/domain/lock/lock-commands.ts';
import type { RosterCommand } from '../../src/domain/roster/roster-commands.ts';
import type { Invoke } from '../../src/operations/bind.ts';
import { memoryJournal } from '../support/memory-journal.ts';
import { quiet } from '../support/outcome.ts';

/** One task and the failures of whoever asks for it, over a roster and locks that are real. */
async function world() {
  const { clock, open } = memoryJournal();
  const journal = await open();
  const task = { status: 'pending', owner: null as string | null, epoch: 0 };
  const failing = new Set<string>();
  const invoke = (async (operation: string, input: unknown) => {
    if (failing.has(operation))
      throw new HoldfastError('OVERLOADED', { stream: 'tasks/desk', size: 1, retryAfterMs: 1 });
    const { owner } = input as { readonly owner?: string };
    if (operation === 'tasks.start' && task.status === 'pending')
      Object.assign(task, { status: 'in_progress', owner, epoch: task.epoch + 1 });
    if (operation === 'tasks.release') Object.assign(task, { status: 'pending', owner: null });
    return { ...task };
  }) as Invoke;
  const shared = { journal, clock, mailboxSize: 100, telemetry: () => {}, publish: () => {} };
  const locks = new Locks({ ...shared, policy });
  const roster = new Roster({
    ...{ ...shared, strategies: { session_timeout: 'queue_sequential' }, invoke },
    releaseLocks: (sessionId, reason, heardUntil) => locks.endSession(sessionId, reason, heardUntil),
  });
  onTestFinished(async () => {
    await Promise.all([roster.close(), locks.close()]);
    await journal.close();
  });
  return { clock, locks, roster, task, failing };
}

const join: RosterCommand = {
  ...{ type: 'roster.join', sessionId: 'a', role: 'tester', liveness: 'lease', leaseMs: 1_000 },
  resting: false,
};
const work: RosterCommand & { readonly type: 'roster.assign' } = {
  ...{ type: 'roster.assign', task: { sessionId: 'desk', taskId: 't' }, by: 'desk', title: null, role: null },
  ...{ strict: false, except: [] },
};
const lock = (name: string): AcquireLock => ({
  ...{ type: 'lock.acquire', name, sessionId: 'a', owner: null, priority: 0, interruptible: false },
  ...{ graceMs: 0, ttlMs: 100_000, waitMs: 0 },
});

test('a member that is back keeps the locks that it has taken since, when what it had left is seen to again', async () => {
  const { clock, locks, roster, failing } = await world();
  await roster.send(join);
  await roster.assign(work, {});
  await locks.acquire(lock('before'), {});
  failing.add('tasks.get');
  await clock.advance(1_000);
  await quiet();
  expect(locks.heldBy('a')).toEqual([]);
  await clock.advance(100);
  await roster.send(join);
  await locks.acquire(lock('since'), {});
  failing.clear();
  await roster.send({ type: 'roster.beat', sessionId: 'a' });
  await clock.advance(900);
  await roster.send({ type: 'roster.beat', sessionId: 'a' });
  for (let n = 0; n < 5; n++) {
    await clock.advance(900);
    await roster.send({ type: 'roster.beat', sessionId: 'a' });
  }
  await quiet();
  expect((await roster.read()).departures).toEqual([]);
  expect(locks.heldBy('a')).toEqual(['since']);
});

test('a task that was given to a member again, which is back, is not taken from it for its death before', async () => {
  const { clock, roster, task, failing } = await world();
  await roster.send(join);
  await roster.assign(work, {});
  failing.add('tasks.get');
  await clock.advance(1_000);
  await quiet();
  Object.assign(task, { status: 'pending', owner: null });
  await roster.send({ ...join, liveness: 'supervised' });
  await roster.assign(work, {});
  expect(task).toEqual({ status: 'in_progress', owner: 'a', epoch: 2 });
  failing.clear();
  await clock.advance(5_000);
  await quiet();
  expect((await roster.read()).departures).toEqual([]);
  expect(task).toEqual({ status: 'in_progress', owner: 'a', epoch: 2 });
});
