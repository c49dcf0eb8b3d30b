// Permits of a whole system, as the crash matrix wants them: whoever is cut off, no more are in flight than may be, each is in use by
// somebody who lives or is free, whoever waits is served or told, and what was seen to be used or done stays so.
import assert from 'node:assert/strict';
import type { AgentContext } from '../../../src/session/agents/agent-definitions.ts';
import type { CommandPlace, CrashScenario } from '../../../src/testing/crash-matrix/scenario.ts';
import type { ManualClock } from '../../../src/testing/manual-clock.ts';
import type { Random } from '../random-moves.ts';
import { callOf, isOver, type Steady, settled, startSteady, statusOf, stepMs, stepsUntil } from './steady.ts';

const parties = ['ann', 'bert', 'cleo'] as const;
/** Ends with none of the others, and remembers what was seen of permits and runs. */
const shelf = 'shelf';
const key = 'model';
const inFlight = 2;
const [leaseMs, pauseMs] = [3 * stepMs, 2 * stepMs];

type Party = (typeof parties)[number];
type Kind = 'quick' | 'limited' | 'hold';

export type PermitMove =
  | { readonly do: 'create'; readonly sessionId: string }
  | { readonly do: 'start'; readonly by: Party; readonly kind: Kind }
  | {
      readonly do: 'acquire' | 'release' | 'refuse' | 'give up' | 'end' | 'pause' | 'resume';
      readonly by: Party;
    }
  | { readonly do: 'pass' | 'note' };

interface Running extends Steady {
  /** What outside held at once, beyond what may be. */
  readonly beyond: string[];
  /** What was so before time passed last: no process may know less any more. */
  known: Noted | undefined;
}

export const permitScenario = (most: number): CrashScenario<Running, PermitMove> => ({
  async start(ports) {
    const beyond: string[] = [];
    const callers = callersOf(beyond, ports.clock);
    const steady = await startSteady(ports, {
      permits: { [key]: { inFlight, costPerHour: 1_000, leaseMs } },
      // How often a process may end under a run is another question.
      agents: { caller: { run: callers, budget: { maxRestarts: 1_000 } } },
    });
    return { ...steady, beyond, known: undefined };
  },
  commands: (random) => [
    ...[shelf, ...parties].map((sessionId): PermitMove => ({ do: 'create', sessionId })),
    ...Array.from({ length: 3 + Math.ceil(random() * most) }, () => randomMove(random)),
  ],
  run: async (running, move, place) => {
    await settledView(running);
    return carryOut(running, move, place);
  },
  read: async (running) => {
    const { step, sessions, runs } = await settledView(running);
    return { step, sessions, runs: Object.fromEntries(runs.map(({ by, all }) => [by, all.length])) };
  },
  later: promised,
  stop: ({ system }) => system.close(),
});

/** Each is told what to do; a call that is refused comes back when it was told to. */
function callersOf(beyond: string[], clock: Pick<ManualClock, 'now'>) {
  const calls = new Map<object, number>();
  return ({ permits, input }: AgentContext<{ kind: Kind }>): Promise<string> =>
    permits.use(key, async ({ signal, attempt, report }) => {
      const call = {};
      calls.set(call, clock.now());
      signal.addEventListener('abort', () => calls.delete(call), { once: true });
      // Whose lease is over is told so at the same moment at which the next one is served.
      const now = [...calls.values()].filter((at) => clock.now() - at < leaseMs).length;
      if (now > inFlight) beyond.push(`${now} calls at once`);
      try {
        if (input.kind === 'limited' && attempt === 1)
          throw Object.assign(new Error('too much'), { status: 429, retryAfterMs: pauseMs });
        if (input.kind === 'hold')
          await new Promise((resolve) => signal.addEventListener('abort', resolve, { once: true }));
        else await report({ cost: 1 });
        return input.kind;
      } finally {
        calls.delete(call);
      }
    });
}

function randomMove(random: Random): PermitMove {
  const by = parties[Math.floor(random() * parties.length)] ?? 'ann';
  const what = random();
  if (what < 0.3) {
    const kind = random();
    return { do: 'start', by, kind: kind < 0.45 ? 'quick' : kind < 0.6 ? 'limited' : 'hold' };
  }
  if (what < 0.5) return { do: 'acquire', by };
  if (what < 0.62) return { do: 'release', by };
  if (what < 0.66) return { do: 'refuse', by };
  if (what < 0.7) return { do: 'give up', by };
  if (what < 0.8) return { do: 'note' };
  if (what < 0.9) return { do: 'pass' };
  return { do: random() < 0.4 ? 'end' : random() < 0.5 ? 'pause' : 'resume', by };
}

async function carryOut(
  running: Running,
  move: PermitMove,
  { key: idempotencyKey }: CommandPlace,
): Promise<unknown> {
  const { client, clock, calls } = running;
  const options = { idempotencyKey };
  switch (move.do) {
    case 'create':
      return client.sessions.create({ sessionId: move.sessionId }, options);
    case 'start': {
      const { by: sessionId, kind } = move;
      return client.agents.start({ sessionId, agent: 'caller', input: { kind } }, options);
    }
    case 'end': {
      // One whose agents have not ended yet is ended when time has passed.
      const runs = await client.agents.list({ sessionId: move.by });
      if (runs.some(({ status }) => status === 'running')) return undefined;
      return client.sessions.terminate({ sessionId: move.by }, options);
    }
    case 'pause':
    case 'resume':
      return client.sessions[move.do]({ sessionId: move.by }, options);
    case 'pass':
      running.known = notedOf(await settledView(running));
      return clock.advance(stepMs);
    case 'note':
      return client.memory.set(
        { sessionId: shelf, key: 'noted', value: (running.known ?? nothing) as never },
        options,
      );
    case 'acquire':
      return callOf(
        running,
        move.by,
        (signal) => client.permits.acquire({ sessionId: move.by, key }, { ...options, signal }),
        async () => isOutside(move.by)((await client.permits.get({ key })).waiters),
      );
    case 'give up':
      return calls.get(move.by)?.abort();
    default:
      return release(running, move.by, move.do === 'refuse');
  }
}

const isOutside =
  (by: string) =>
  (all: readonly { readonly sessionId: string; readonly runId: string | null }[]): boolean =>
    all.some(({ sessionId, runId }) => sessionId === by && runId === null);

/** Of this process: those of the one before are free. */
async function release({ client }: Running, sessionId: string, isRefused: boolean): Promise<void> {
  const { holders } = await client.permits.get({ key });
  const held = holders.find((one) => one.sessionId === sessionId && one.runId === null);
  if (held === undefined) return;
  const outcome = isRefused ? { rateLimited: { retryAfterMs: pauseMs } } : { cost: 1 };
  const { permitId } = held;
  assert.ok((await client.permits.release({ sessionId, permitId, ...outcome })).released, 'it was not held');
}

interface Noted {
  readonly cost: number;
  readonly pausedUntil: number;
  readonly done: readonly string[];
}

const nothing: Noted = { cost: 0, pausedUntil: 0, done: [] };

function notedOf({ cost, pausedUntil, runs }: View): Noted {
  const done = runs.flatMap(({ all }) => all.filter(({ status }) => status === 'completed'));
  return { cost, pausedUntil: pausedUntil ?? 0, done: done.map(({ runId }) => runId) };
}

interface View {
  readonly step: number;
  readonly sessions: Readonly<Record<string, string | null>>;
  readonly held: number;
  readonly waiting: number;
  readonly cost: number;
  readonly pausedUntil: number | null;
  readonly holders: readonly {
    readonly sessionId: string;
    readonly runId: string | null;
    readonly until: number;
  }[];
  readonly runs: readonly {
    readonly by: string;
    readonly all: readonly { readonly runId: string; readonly status: string }[];
  }[];
}

async function settledView(running: Running): Promise<View> {
  const view = await settled(() => viewOf(running), stillToCome);
  assert.deepEqual(running.beyond, []);
  assert.ok(view.held <= inFlight, `${view.held} are in flight`);
  assert.equal(view.held, view.holders.length, 'the count of those in flight is wrong');
  const { value } = await running.client.memory
    .get({ sessionId: shelf, key: 'noted' })
    .catch(() => ({ value: undefined }));
  if (value === undefined) return view;
  const { cost, pausedUntil, done } = value as unknown as Noted;
  assert.ok(view.cost >= cost, `${cost} were used, and ${view.cost} are known`);
  const isPaused = pausedUntil > running.clock.now();
  assert.ok(!isPaused || (view.pausedUntil ?? 0) >= pausedUntil, 'the pause of a refusal is forgotten');
  const ended = view.runs.flatMap(({ all }) => all.filter(({ status }) => status === 'completed'));
  for (const runId of done)
    assert.ok(
      ended.some((run) => run.runId === runId),
      `${runId} is not done any more`,
    );
  return view;
}

async function viewOf({ client, clock }: Running): Promise<View> {
  const ids = [shelf, ...parties];
  const statuses = await Promise.all(ids.map((sessionId) => statusOf(client, sessionId)));
  const sessions = Object.fromEntries(ids.map((id, n) => [id, statuses[n] ?? null]));
  const { held, waiting, used, pausedUntil, holders } = await client.permits.get({ key });
  const there = parties.filter((id) => sessions[id] !== null);
  const runs = await Promise.all(
    there.map(async (by) => ({
      by,
      all: (await client.agents.list({ sessionId: by })).map(({ runId, status }) => ({ runId, status })),
    })),
  );
  return {
    ...{ step: stepsUntil(clock.now()), sessions, held, waiting, pausedUntil, runs, cost: used.cost ?? 0 },
    holders: holders.map(({ sessionId, runId, expiresAt }) => ({
      ...{ sessionId, runId, until: stepsUntil(expiresAt) },
    })),
  };
}

/** What is to be done by itself, and is not yet. */
function stillToCome({
  step,
  sessions,
  held,
  waiting,
  pausedUntil,
  holders,
  runs,
}: View): string | undefined {
  const ending = Object.keys(sessions).find((id) => sessions[id] === 'terminating');
  if (ending !== undefined) return `${ending} is on the way to its end`;
  if (waiting > 0 && held < inFlight && pausedUntil === null) return `${waiting} wait while permits are free`;
  for (const { sessionId, runId, until } of holders) {
    if (until <= step) return `${sessionId} holds a permit beyond its lease`;
    if (runId !== null && isOver(sessions[sessionId]))
      return `a run of ${sessionId} holds a permit, and is over`;
  }
  // One that waits for nothing goes on to its end.
  const known = held + waiting;
  const open = runs.flatMap(({ by, all }) =>
    sessions[by] === 'active' || sessions[by] === 'idle'
      ? all.filter(({ status }) => status === 'running')
      : [],
  );
  return open.length > known ? `${open.length} runs are open, and ${known} hold a permit or wait` : undefined;
}

/** Whatever was cut off: all are served in turn, none is held beyond its lease, and the next who asks has one. */
async function promised(running: Running): Promise<void> {
  const { client, clock, calls } = running;
  let view = await settledView(running);
  const asks = view.held + view.waiting;
  const pauses = asks + 1;
  const bound = Math.ceil((asks / inFlight + 1) * (leaseMs / stepMs)) + pauses * (pauseMs / stepMs);
  for (let step = 0; view.held + view.waiting > 0 || view.pausedUntil !== null; step++) {
    assert.ok(step <= bound, `${view.held} hold and ${view.waiting} wait after ${step} steps`);
    await clock.advance(stepMs);
    view = await settledView(running);
  }
  for (const [by, { outcome }] of calls) assert.notEqual(outcome, 'waiting', `${by} waits, and is not told`);
  if (isOver(view.sessions[shelf])) return;
  for (let n = 0; n < inFlight; n++)
    await client.permits.acquire({ sessionId: shelf, key, timeoutMs: stepMs });
}
