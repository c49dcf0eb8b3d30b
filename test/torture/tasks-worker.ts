// The process of the tasks harness: `run` creates what is not there and carries tasks out until it is killed or all are done,
// `read` tells all that the store holds.
import { type AgentContext, type Client, createSystem, type TaskAssignment } from 'holdfast';
import { type Plan, plannedTasks, type TaskReport } from './tasks/plan.ts';

const [mode = '', location = '', planned = '{}'] = process.argv.slice(2);
const plan = JSON.parse(planned) as Plan;
const tell = (report: TaskReport): void => void process.stdout.write(`${JSON.stringify(report)}\n`);

/** Its effect is a message under the key of the attempt: as often as it is told, there is one. */
async function work({ session, input: { key, taskId } }: AgentContext<TaskAssignment>): Promise<string> {
  await session.messages.send({ role: 'assistant', content: key }, { idempotencyKey: key });
  return taskId;
}

const system = await createSystem({
  location,
  agents: { work },
  tasks: { maxRunning: 256, maxRunningPerSession: 64 },
  session: { maxAgents: 200 },
  minFreeBytes: 0,
});
const { client } = system;
const sessions = Array.from({ length: plan.sessions }, (_, n) => `s${n}`);

if (mode === 'read') {
  for (const sessionId of sessions) await read(client, sessionId);
} else {
  await carryOut(client);
}
await system.close();

async function carryOut({ sessions: all, tasks, events }: Client): Promise<void> {
  let count = 0;
  let hear = (): void => {};
  await events.subscribeAll(({ type }) => {
    if (type !== 'task.completed') return;
    count += 1;
    if (count % 10 === 0) tell({ report: 'completed', count });
    hear();
  });
  for (const sessionId of sessions)
    await all.create({ sessionId }, { idempotencyKey: `create ${sessionId}` });
  for (const sessionId of sessions) {
    const own = plannedTasks(plan).filter((task) => task.sessionId === sessionId);
    for (let from = 0; from < own.length; from += 500) {
      const list = own.slice(from, from + 500).map(({ taskId, priority, dependencies }) => ({
        ...{ taskId, title: taskId, priority, agent: 'work', dependencies: [...dependencies] },
      }));
      await tasks.createMany({ sessionId, tasks: list }, { idempotencyKey: `tasks ${sessionId} ${from}` });
    }
  }
  tell({ report: 'serving' });
  for (;;) {
    const open = await Promise.all(
      sessions.map(async (sessionId) => (await tasks.stats({ sessionId })).open),
    );
    if (open.every((left) => left === 0)) break;
    await new Promise<void>((resolve) => {
      const timer = setTimeout(resolve, 200);
      hear = () => {
        if (count % 50 !== 0) return;
        clearTimeout(timer);
        resolve();
      };
    });
  }
  tell({ report: 'done' });
}

async function read({ tasks, messages }: Client, sessionId: string): Promise<void> {
  const { byStatus, open } = await tasks.stats({ sessionId });
  const effects: string[] = [];
  const completions: string[] = [];
  const unblockings: string[] = [];
  let resumed = 0;
  let requeued = 0;
  for (let cursor: string | undefined, more = true; more; more = cursor !== undefined) {
    const page = await messages.list({ sessionId, limit: 1_000, ...(cursor !== undefined && { cursor }) });
    effects.push(...page.items.map(({ content }) => String(content)));
    cursor = page.cursor;
  }
  for (let cursor: string | undefined, more = true; more; more = cursor !== undefined) {
    const page = await tasks.history({ sessionId, limit: 1_000, ...(cursor !== undefined && { cursor }) });
    for (const { type, taskId } of page.items) {
      if (type === 'task.completed') completions.push(taskId ?? '');
      if (type === 'task.unblocked') unblockings.push(taskId ?? '');
      if (type === 'tasks.resumed') resumed += 1;
      if (type === 'task.requeued') requeued += 1;
    }
    cursor = page.cursor;
  }
  tell({
    ...{ report: 'session', sessionId, completed: byStatus.completed, open, resumed, requeued },
    ...{ effects, completions, unblockings },
  });
}
