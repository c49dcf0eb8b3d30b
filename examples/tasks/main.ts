// A report that takes several hands: tasks that wait for each other, an agent that fails at first, a gate that looks at the
// result, and a task that a person does.
import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type AgentContext, createSystem, type TaskAssignment } from 'holdfast';

type Work = AgentContext<TaskAssignment<string>>;

/** Whatever it does outside is done under the key of the attempt, so that doing it again does no harm. */
async function researcher({ session, input }: Work): Promise<string[]> {
  await session.messages.send(
    { role: 'assistant', content: `Looking into ${input.input}` },
    { idempotencyKey: input.key },
  );
  if (input.epoch === 1) throw new Error('the library was closed');
  return ['four trains a day', 'the last one at nine'];
}

async function writer({ input }: Work): Promise<string> {
  return input.epoch === 1 ? '' : 'Trains go four times a day, the last one at nine.';
}

const location = await mkdtemp(join(tmpdir(), 'holdfast-'));
try {
  await using system = await createSystem({
    location,
    agents: { researcher, writer },
    tasks: {
      roles: { editor: ['writer'] },
      gates: { 'not empty': ({ result }) => result !== '' || 'there is nothing to read' },
    },
  });
  const { sessions, tasks, events } = system.client;
  const { sessionId } = await sessions.create({ name: 'travel desk' });
  const retry = { maxAttempts: 3, backoffMs: 10 };
  await tasks.createMany({
    sessionId,
    tasks: [
      { taskId: 'facts', title: 'Find out', agent: 'researcher', input: 'trains', retry },
      {
        taskId: 'draft',
        title: 'Write it',
        role: 'editor',
        dependencies: ['facts'],
        gates: ['not empty'],
        retry,
      },
      { taskId: 'release', title: 'Release it', dependencies: ['draft'] },
    ],
  });
  assert.equal((await tasks.get({ sessionId, taskId: 'draft' })).status, 'blocked');

  for await (const { type, data } of events.stream({ sessionId, types: ['task.unblocked'] }))
    if (type === 'task.unblocked' && data.taskId === 'release') break;
  const draft = await tasks.get({ sessionId, taskId: 'draft' });
  assert.equal(draft.result, 'Trains go four times a day, the last one at nine.');
  assert.equal(draft.failures, 1);

  // A person takes what no agent is named for, under a lease: who is not heard of in time has lost it.
  const { taskId, epoch } = await tasks.claim({ sessionId, owner: 'Ada', leaseMs: 60_000 });
  await tasks.complete({ sessionId, taskId, epoch, result: 'released' });
  const { byStatus } = await tasks.stats({ sessionId });
  assert.equal(byStatus.completed, 3);
  const { items } = await tasks.history({ sessionId, taskId: 'facts' });
  console.log(items.map(({ type }) => type).join(' → '));
} finally {
  await rm(location, { recursive: true });
}
