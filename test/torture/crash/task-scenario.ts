// Tasks of a whole system with its runner, as the crash matrix wants them: whatever is cut off, each task ends, or waits for somebody by
// rule, and what an attempt has done is there once.
import assert from 'node:assert/strict';
import { setImmediate as turn } from 'node:timers/promises';
import type { TaskAssignment } from '../../../src/collaboration/tasks/task-options.ts';
import type { AgentContext } from '../../../src/session/agents/agent-definitions.ts';
import type { CommandPlace, CrashScenario } from '../../../src/testing/crash-matrix/scenario.ts';
import type { Random } from '../random-moves.ts';
import { type Steady, settled, startSteady, statusOf, stepMs, stepsUntil } from './steady.ts';

const desk = { sessionId: 'desk' };
const [leaseMs, timeoutMs] = [3 * stepMs, 4 * stepMs];
const retry = { maxAttempts: 2, backoffMs: stepMs, factor: 1, maxBackoffMs: stepMs };
/** An attempt, and the pause behind it. */
const stepsOfAttempt = (timeoutMs + retry.backoffMs) / stepMs;

type Kind = 'good' | 'bad' | 'slow' | 'hand';
type Policy = 'block' | 'cancel' | 'ignore';

export type TaskMove =
  | { readonly do: 'open' | 'pass' }
  | {
      readonly do: 'create';
      readonly taskId: string;
      readonly kind: Kind;
      readonly after: readonly { readonly taskId: string; readonly onFailure: Policy }[];
    }
  | {
      readonly do:
        | 'claim'
        | 'start'
        | 'assign'
        | 'complete'
        | 'fail'
        | 'release'
        | 'cancel'
        | 'retry'
        | 'pause'
        | 'resume';
      readonly taskId: string;
    };

export const taskScenario = (most: number): CrashScenario<Steady, TaskMove> => ({
  start: (ports) => startSteady(ports, { agents: { worker: { run: work, budget: { maxRestarts: 1_000 } } } }),
  commands: (random) => [{ do: 'open' }, ...randomMoves(random, 3 + Math.ceil(random() * most))],
  run: async (steady, move, place) => {
    await settledView(steady);
    return carryOut(steady, move, place);
  },
  read: settledView,
  check: (view) => assertWhole(view as View),
  later: promised,
  stop: ({ system }) => system.close(),
});

/** Its effect is a message under the key of the attempt. */
async function work({
  session,
  input,
  signal,
}: AgentContext<TaskAssignment<{ readonly kind: Kind }>>): Promise<string> {
  const { taskId, epoch, key, input: given } = input;
  await sent(session, `${taskId} ${epoch}`, key);
  if (given.kind === 'bad') throw new Error('it cannot be done');
  if (given.kind === 'slow')
    await new Promise((_, reject) =>
      signal.addEventListener('abort', () => reject(signal.reason), { once: true }),
    );
  return taskId;
}

/** What the disk refuses for a moment is no failure of the attempt. */
async function sent(
  session: AgentContext['session'],
  content: string,
  idempotencyKey: string,
): Promise<void> {
  for (let tries = 1; ; tries++) {
    try {
      await session.messages.send({ role: 'assistant', content }, { idempotencyKey });
      return;
    } catch (error) {
      if (tries >= 50 || (error as { readonly retryable?: boolean }).retryable !== true) throw error;
      await turn();
    }
  }
}

function randomMoves(random: Random, count: number): TaskMove[] {
  const known: string[] = [];
  const pick = <T>(items: readonly [T, ...T[]]): T => items[Math.floor(random() * items.length)] ?? items[0];
  return Array.from({ length: count }, (): TaskMove => {
    const what = random();
    const taskId = known[Math.floor(random() * known.length)];
    if (taskId === undefined || what < 0.35) {
      const after = known
        .filter(() => random() < 0.3)
        .map((other) => ({ taskId: other, onFailure: pick<Policy>(['block', 'cancel', 'ignore']) }));
      const kind = pick<Kind>(['good', 'bad', 'slow', 'hand', 'hand']);
      known.push(`t${known.length}`);
      return { do: 'create', taskId: `t${known.length - 1}`, kind, after };
    }
    if (what < 0.5) return { do: 'pass' };
    if (what < 0.65) return { do: pick(['claim', 'claim', 'start', 'assign']), taskId };
    if (what < 0.8) return { do: pick(['complete', 'complete', 'fail', 'release']), taskId };
    return { do: pick(['cancel', 'retry', 'pause', 'resume']), taskId };
  });
}

async function carryOut({ client, clock }: Steady, move: TaskMove, { key }: CommandPlace): Promise<unknown> {
  const { sessions, tasks } = client;
  const options = { idempotencyKey: key };
  switch (move.do) {
    case 'open':
      return sessions.create(desk, options);
    case 'pass':
      return clock.advance(stepMs);
    case 'create': {
      const { taskId, kind, after } = move;
      const by = kind === 'hand' ? {} : { agent: 'worker' };
      const terms = { input: { kind }, dependencies: after.map((one) => ({ ...one })), retry, timeoutMs };
      return tasks.create({ ...desk, taskId, title: taskId, ...by, ...terms }, options);
    }
    case 'claim':
      return tasks.claim({ ...desk, taskId: move.taskId, owner: 'ada', leaseMs }, options);
    case 'start':
      return tasks.start({ ...desk, taskId: move.taskId, owner: 'ada' }, options);
    case 'assign':
      return tasks.assign({ ...desk, taskId: move.taskId, agent: 'worker' }, options);
    case 'complete':
      return tasks.complete({ ...desk, taskId: move.taskId, result: key }, options);
    case 'fail':
      return tasks.fail({ ...desk, taskId: move.taskId, error: { message: 'no' } }, options);
    default:
      return tasks[move.do]({ ...desk, taskId: move.taskId }, options);
  }
}

interface View {
  readonly step: number;
  readonly status: string | null;
  readonly tasks: readonly {
    readonly taskId: string;
    readonly status: string;
    readonly kind: Kind;
    readonly agent: string | null;
    readonly owner: string | null;
    readonly until: number | null;
    readonly notBefore: number | null;
    readonly dependencies: readonly { readonly taskId: string; readonly onFailure: string }[];
  }[];
  readonly effects: readonly unknown[];
}

const settledView = (steady: Steady): Promise<View> => settled(() => viewOf(steady), stillToCome);

async function viewOf({ client, clock }: Steady): Promise<View> {
  const status = await statusOf(client, desk.sessionId);
  const step = stepsUntil(clock.now());
  if (status === null) return { step, status, tasks: [], effects: [] };
  const { items } = await client.tasks.list({ ...desk, sort: 'title', limit: 1_000 });
  const effects = (await client.messages.list({ ...desk, limit: 1_000 })).items.map(({ content }) => content);
  assert.equal(new Set(effects).size, effects.length, 'what an attempt does was done twice');
  const stepOf = (at: number | null): number | null => (at === null ? null : stepsUntil(at));
  return {
    ...{ step, status, effects: effects.map((effect) => String(effect).split(' ')[0]).sort() },
    tasks: await Promise.all(
      items.map(async ({ taskId, agent, owner, failures, dependencies, leaseUntil, notBefore, ...task }) => {
        const { input, result } = await client.tasks.get({ ...desk, taskId });
        const { kind } = input as { readonly kind: Kind };
        const terms = { until: stepOf(leaseUntil), notBefore: stepOf(notBefore), dependencies };
        return { taskId, status: task.status, kind, agent, owner, failures, result, ...terms };
      }),
    ),
  };
}

/** What is to be done by itself, and is not yet. */
function stillToCome({ step, tasks }: View): string | undefined {
  for (const { taskId, status, kind, agent, owner, until, notBefore } of tasks) {
    if (until !== null && until <= step) return `${taskId} is at work beyond its lease`;
    if (status === 'pending' && agent !== null && (notBefore ?? 0) <= step) return `${taskId} is not begun`;
    if (status === 'in_progress' && owner !== 'ada' && kind !== 'slow') return `${taskId} is at work`;
  }
  return undefined;
}

const statusIn = (tasks: View['tasks'], taskId: string) =>
  tasks.find((task) => task.taskId === taskId)?.status;

function assertWhole({ tasks }: View): void {
  for (const { taskId, status, dependencies } of tasks) {
    const open = dependencies.find((one) => {
      const found = statusIn(tasks, one.taskId);
      const hasFailed = found === 'failed' || found === 'cancelled';
      return found !== 'completed' && !(hasFailed && one.onFailure !== 'block');
    });
    if (status === 'blocked') assert.ok(open !== undefined, `${taskId} is blocked, and waits for nothing`);
    if (status === 'pending') assert.ok(open === undefined, `${taskId} is free before ${open?.taskId}`);
  }
}

/** Whatever was cut off: agents and leases come to their end, and whoever takes what is free can do it, until nothing is left to do. */
async function promised(steady: Steady): Promise<void> {
  const { client, clock } = steady;
  let view = await settledView(steady);
  const bound = (view.tasks.length + 1) * retry.maxAttempts * stepsOfAttempt;
  for (let step = 0; ; step++) {
    const open = view.tasks.filter(({ status }) => ['pending', 'in_progress', 'validating'].includes(status));
    if (open.length === 0) break;
    assert.ok(step <= bound, `${open[0]?.taskId} is ${open[0]?.status} after ${step} steps`);
    const free = open.filter(
      ({ status, agent, notBefore }) =>
        status === 'pending' && agent === null && (notBefore ?? 0) <= view.step,
    );
    for (const { taskId } of free) {
      const { epoch } = await client.tasks.claim({ ...desk, taskId, owner: 'bob', leaseMs });
      await client.tasks.complete({ ...desk, taskId, epoch, result: 'done' });
    }
    if (free.length === 0) await clock.advance(stepMs);
    view = await settledView(steady);
    assertWhole(view);
  }
}
