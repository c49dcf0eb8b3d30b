// The work of agents the naive way: a list of runs, and of each which steps have finished and what is open. Random lives of the
// law are led beside it; after each move both hold the same, and of each finished step the event that finished it can be found.
import fc from 'fast-check';
import { expect } from 'vitest';
import { type AgentRun, openRuns, workOf } from '../../src/domain/agent/agent-runs.ts';
import type { RunWork } from '../../src/domain/agent/run-work.ts';
import type { SessionCommand } from '../../src/domain/session/session-commands.ts';
import { sessionLaw } from '../../src/domain/session/session-law.ts';
import { isAtWork } from '../../src/domain/session/session-state.ts';
import { SessionLife } from './session-life.ts';
import { opening, startOf } from './session-states.ts';

const runIds = ['a', 'b', 'c'] as const;
type RunId = (typeof runIds)[number];

interface Open {
  readonly kind: 'timer' | 'wait' | 'effect' | 'child';
  readonly step: string;
  /** When the clock ends it; null for never. */
  readonly dueAt: number | null;
  /** The signal that a wait takes, or the run that a child is. */
  readonly of: string | null;
}

interface Plain {
  readonly id: RunId;
  readonly parent: RunId | null;
  status: 'running' | 'crashed' | 'parked' | 'waiting';
  incarnation: number;
  readonly done: Set<string>;
  open: Open[];
  kept: string[];
}

interface Model {
  now: number;
  paused: boolean;
  /** In the order in which they were started. */
  runs: Plain[];
  readonly ended: Map<RunId, 'completed' | 'failed' | 'stopped'>;
}

type Move = fc.Command<Model, SessionLife>;
type Heard = { readonly code: string } | { readonly types: readonly string[]; readonly reply: unknown };

const startMs = 1_000_000;

const move = (name: string, run: (model: Model, life: SessionLife) => void): Move => ({
  check: () => true,
  run(model, life) {
    run(model, life);
    agree(model, life);
  },
  toString: () => name,
});

function hear(model: Model, life: SessionLife, command: SessionCommand): Heard {
  const outcome = life.decide(command, model.now);
  return 'refusal' in outcome
    ? { code: outcome.refusal.code }
    : { types: outcome.events.map(({ type }) => type), reply: outcome.reply };
}

const refused = (code: string): Heard => ({ code });
const led = (types: readonly string[], reply?: unknown): Heard => ({ types, reply });

const runOf = ({ runs }: Model, id: string): Plain | undefined => runs.find((run) => run.id === id);

/** A step has ended, and all that was begun within it with it. */
function finish(run: Plain, step: string, inner = false): void {
  const isIn = (other: string): boolean => inner && other.startsWith(`${step}/`);
  for (const other of [...run.done]) if (isIn(other)) run.done.delete(other);
  run.open = run.open.filter((open) => open.step !== step && !isIn(open.step));
  run.done.add(step);
}

function wake(run: Plain): void {
  if (run.status === 'parked') run.status = 'waiting';
}

/** The run, and all that were started under it. */
function withDescendants({ runs }: Model, id: RunId): readonly RunId[] {
  const children = runs.filter(({ parent }) => parent === id);
  return [id, ...children.flatMap((child) => withDescendants({ runs } as Model, child.id))];
}

/** It has ended: its children end with it, and the step of its parent that waited for it has finished. */
function end(model: Model, run: Plain, outcome: 'completed' | 'failed' | 'stopped'): readonly string[] {
  const [, ...orphans] = withDescendants(model, run.id);
  model.runs = model.runs.filter(({ id }) => id !== run.id && !orphans.includes(id));
  model.ended.set(run.id, outcome);
  for (const orphan of orphans) model.ended.set(orphan, 'stopped');
  const parent = run.parent === null ? undefined : runOf(model, run.parent);
  const child = parent?.open.find(({ kind, of }) => kind === 'child' && of === run.id);
  if (parent !== undefined && child !== undefined) {
    finish(parent, child.step);
    wake(parent);
  }
  return orphans.map(() => 'agent.stopped');
}

/** The state shows what the model holds, and where each step that has finished did. */
function agree({ runs, ended, now, paused }: Model, { state, steps }: SessionLife): void {
  const { agents } = state;
  expect(openRuns(agents).map((run) => shown(run, workOf(agents, run.runId)))).toEqual(runs.map(expected));
  expect(new Map(agents.ended.map(({ runId, status }) => [runId, status]))).toEqual(ended);
  const times = runs.flatMap(({ open }) => open.flatMap(({ dueAt }) => (dueAt === null ? [] : [dueAt])));
  expect(agents.dueAt).toBe(times.length === 0 ? null : Math.min(...times));
  if (!paused) for (const dueAt of times) expect(dueAt).toBeGreaterThan(now);
  expect(agents.parked).toBe(runs.filter(({ status }) => status === 'parked').length);
  expect(isAtWork(state)).toBe(!paused && runs.length > 0);
  const held = new Set(sessionLaw.refersTo?.(state));
  for (const { runId } of openRuns(agents))
    for (const [step, { seq, signal }] of workOf(agents, runId).steps.entries()) {
      expect(endOfStep(steps[seq - 1]?.event)).toContain(step);
      expect(held.has(seq) && (signal === undefined || held.has(signal))).toBe(true);
    }
}

const shown = ({ runId, status, incarnation }: AgentRun, work: RunWork): object => ({
  ...{ runId, status, incarnation, done: [...work.steps.entries()].map(([step]) => step).sort() },
  timers: work.timers.map(({ step, dueAt }) => [step, dueAt]),
  waits: work.waits.map(({ step, deadlineAt }) => [step, deadlineAt]),
  effects: work.effects.map(({ step }) => step),
  children: work.children.map(({ step, runId: child }) => [step, child]),
  kept: work.signals.map(({ name }) => name),
});

function expected({ id, status, incarnation, done, open, kept }: Plain): object {
  const of = (kind: Open['kind']): readonly Open[] => open.filter((one) => one.kind === kind);
  return {
    ...{ runId: id, status, incarnation, done: [...done].sort(), kept },
    timers: of('timer').map(({ step, dueAt }) => [step, dueAt]),
    waits: of('wait').map(({ step, dueAt }) => [step, dueAt]),
    effects: of('effect').map(({ step }) => step),
    children: of('child').map(({ step, of: child }) => [step, child]),
  };
}

const ends: ReadonlySet<string> = new Set([
  ...['step.completed', 'step.failed', 'effect.unknown', 'timer.fired', 'wait.signaled', 'wait.expired'],
  ...['signal.received', 'agent.completed', 'agent.failed', 'agent.stopped'],
]);

/** The steps that an event may have finished: of a child's end its parent knows which one waited. */
function endOfStep(event: { readonly type: string; readonly data: unknown } | undefined): readonly unknown[] {
  if (event === undefined || !ends.has(event.type)) return [];
  const { step } = event.data as { readonly step?: string };
  return event.type.startsWith('agent.') ? childSteps : [step];
}

const keys = ['p', 'o', 'o/p', 'o/q'] as const;
const childSteps = ['c1', 'c2'] as const;
const names = ['yes', 'no'] as const;

function startMove(id: RunId, parent: RunId | null, step: string): Move {
  return move(`start ${id} under ${parent} as ${step}`, (model, life) => {
    const link = parent === null ? {} : { parentRunId: parent, parentStep: step };
    const heard = hear(model, life, startOf(id, { restart: 'permanent', ...link }));
    const above = parent === null ? undefined : runOf(model, parent);
    const pending = above?.open.find((open) => open.kind === 'child' && open.step === step);
    if (model.paused) expect(heard).toEqual(refused('SESSION_NOT_ACTIVE'));
    else if (parent !== null && above === undefined) expect(heard).toEqual(refused('STALE_INCARNATION'));
    else if (pending !== undefined) expect(heard).toEqual(led([], { runId: pending.of }));
    else if (above?.done.has(step)) expect(heard).toMatchObject(led([], { recorded: expect.any(Number) }));
    else if (runOf(model, id) !== undefined || model.ended.has(id))
      expect(heard).toEqual(refused('AGENT_RUN_EXISTS'));
    else {
      expect(heard).toEqual(led(['agent.started'], { runId: id }));
      const fresh = {
        status: 'running',
        incarnation: 1,
        done: new Set<string>(),
        open: [],
        kept: [],
      } as const;
      model.runs.push({ id, parent, ...fresh, open: [], kept: [] });
      above?.open.push({ kind: 'child', step, dueAt: null, of: id });
    }
  });
}

type Own = (place: { readonly runId: string; readonly incarnation: number }) => SessionCommand;

/** What a run asks for itself, `behind` incarnations ago. */
function ownMove(
  name: string,
  id: RunId,
  behind: number,
  command: (model: Model) => Own,
  judge: (run: Plain, model: Model) => Heard,
): Move {
  return move(`${name} of ${id}${behind > 0 ? ', long ago' : ''}`, (model, life) => {
    const run = runOf(model, id);
    const incarnation = Math.max(0, (run?.incarnation ?? 1) - behind);
    const asked = command(model)({ runId: id, incarnation });
    const heard = hear(model, life, asked);
    const speaks = run?.status === 'running' && run.incarnation === incarnation;
    expect(heard).toEqual(
      speaks ? unlessPaused(run, model, () => judge(run, model)) : refused('STALE_INCARNATION'),
    );
  });
}

/** While the session is paused only what becomes of runs is recorded; steps begin and end when it goes on. */
function unlessPaused(run: Plain, { paused }: Model, judge: () => Heard): Heard {
  const before = structuredClone(run);
  const heard = judge();
  if (!paused || !('types' in heard) || heard.types.length === 0 || isEndOfRun(heard.types[0])) return heard;
  Object.assign(run, before);
  return refused('SESSION_NOT_ACTIVE');
}

const isEndOfRun = (type = ''): boolean => type.startsWith('agent.') && type !== 'agent.parked';

/** One about a step: it is begun once and finished once, and who asks again is told where it did. */
function stepMove(
  name: string,
  id: RunId,
  behind: number,
  step: string,
  command: (model: Model) => object,
  judge: (run: Plain, model: Model) => Heard,
): Move {
  const recorded = led([], { recorded: expect.any(Number) });
  return ownMove(
    `${name} ${step}`,
    ...[id, behind],
    (model) => (place) => ({ ...place, step, ...command(model) }) as unknown as SessionCommand,
    (run, model) => (run.done.has(step) ? recorded : judge(run, model)),
  );
}

const hasBegun = ({ open }: Plain, step: string): boolean => open.some((one) => one.step === step);

const completeMove = (id: RunId, behind: number, step: string, fails: boolean): Move =>
  stepMove(
    fails ? 'fail' : 'complete',
    ...[id, behind, step],
    () => ({
      ...(step === 'o' && { inner: true }),
      ...(fails
        ? { type: 'step.fail', error: { name: 'E', message: 'm' }, attempts: 1 }
        : { type: 'step.complete' }),
    }),
    (run) => {
      finish(run, step, step === 'o');
      return led([fails ? 'step.failed' : 'step.completed']);
    },
  );

const effectMove = (id: RunId, behind: number, step: string): Move =>
  stepMove(
    'begin effect',
    ...[id, behind, step],
    () => ({ type: 'effect.start' }),
    (run) => {
      if (hasBegun(run, step)) return led([]);
      run.open.push({ kind: 'effect', step, dueAt: null, of: null });
      return led(['effect.started']);
    },
  );

const judgeMove = (id: RunId, step: string, decision: 'failed' | 'retried' | 'resolved'): Move =>
  stepMove(
    `judge ${decision}`,
    ...[id, 0, step],
    () => ({ type: 'effect.judge', decision }),
    (run) => {
      if (!run.open.some((open) => open.kind === 'effect' && open.step === step)) return led([]);
      if (decision !== 'retried') finish(run, step);
      return led(['effect.unknown']);
    },
  );

const timerMove = (id: RunId, behind: number, step: string, ms: number): Move =>
  stepMove(
    `in ${ms} set`,
    ...[id, behind, step],
    ({ now }) => ({ type: 'timer.set', dueAt: now + ms }),
    (run, { now }) => {
      if (hasBegun(run, step)) return led([]);
      run.open.push({ kind: 'timer', step, dueAt: now + ms, of: null });
      return led(['timer.set']);
    },
  );

const waitMove = (id: RunId, step: string, signal: string, ms: number | null): Move =>
  stepMove(
    `for ${signal} within ${ms} wait`,
    ...[id, 0, step],
    ({ now }) => ({ type: 'wait.start', signal, deadlineAt: ms === null ? null : now + ms }),
    (run, { now }) => {
      if (hasBegun(run, step)) return led([]);
      const kept = run.kept.indexOf(signal);
      if (kept < 0) {
        run.open.push({ kind: 'wait', step, dueAt: ms === null ? null : now + ms, of: signal });
        return led(['wait.started']);
      }
      run.kept.splice(kept, 1);
      finish(run, step);
      return led(['wait.started', 'wait.signaled']);
    },
  );

const parkMove = (id: RunId, off: number): Move =>
  ownMove(
    'park',
    ...[id, 0],
    (model) => (place) => {
      const waits = (runOf(model, id)?.open ?? []).filter(({ kind }) => kind !== 'effect').length + off;
      return { type: 'run.park', ...place, waits };
    },
    (run) => {
      if (off !== 0 || run.open.some(({ kind }) => kind === 'effect')) return led([], { parked: false });
      run.status = 'parked';
      return led(['agent.parked'], { parked: true });
    },
  );

const crashMove = (id: RunId, behind: number): Move =>
  ownMove(
    'crash',
    ...[id, behind],
    () => (place) =>
      ({ type: 'agent.crash', ...place, error: { name: 'E', message: 'm' } }) as SessionCommand,
    (run) => {
      run.status = 'crashed';
      return led(['agent.crashed']);
    },
  );

const endMove = (id: RunId, behind: number, outcome: 'completed' | 'failed'): Move =>
  ownMove(
    outcome,
    ...[id, behind],
    () => (place) =>
      (outcome === 'completed'
        ? { type: 'agent.complete', ...place, result: 1 }
        : { type: 'agent.fail', ...place, error: { name: 'E', message: 'm' } }) as SessionCommand,
    (run, model) => led([`agent.${outcome}`, ...end(model, run, outcome)]),
  );

const stopMove = (id: RunId): Move =>
  move(`stop ${id}`, (model, life) => {
    const heard = hear(model, life, { type: 'agent.stop', runId: id, reason: 'r' });
    const run = runOf(model, id);
    const status = model.ended.get(id);
    if (run !== undefined)
      expect(heard).toEqual(led(['agent.stopped', ...end(model, run, 'stopped')], { status: 'stopped' }));
    else expect(heard).toEqual(status === undefined ? refused('AGENT_NOT_FOUND') : led([], { status }));
  });

/** Its next incarnation; of one that has come to its end and begins anew nothing stays but the signals that it has not taken. */
const restartMove = (id: RunId, reason: 'resumed' | 'ended'): Move =>
  move(`restart ${id}, ${reason}`, (model, life) => {
    const heard = hear(model, life, { type: 'agent.restart', runId: id, reason });
    const run = runOf(model, id);
    if (run === undefined || model.paused) {
      expect(heard).toEqual(refused('STALE_INCARNATION'));
      return;
    }
    Object.assign(run, { status: 'running', incarnation: run.incarnation + 1 });
    const orphans = reason === 'ended' ? withDescendants(model, id).slice(1) : [];
    const stopped = orphans.map(() => 'agent.stopped');
    expect(heard).toEqual(led(['agent.restarted', ...stopped], { incarnation: run.incarnation }));
    if (reason !== 'ended') return;
    run.done.clear();
    run.open = [];
    model.runs = model.runs.filter((other) => !orphans.includes(other.id));
    for (const orphan of orphans) model.ended.set(orphan, 'stopped');
  });

/** Anybody may send one: to a run, or to the only one that it can be meant for. */
const signalMove = (id: RunId | null, name: string): Move =>
  move(`signal ${name} to ${id ?? 'whom it concerns'}`, (model, life) => {
    const to = id === null ? {} : { runId: id };
    const heard = hear(model, life, { type: 'run.signal', ...to, name, payload: 1 });
    const waits = (run: Plain): Open | undefined =>
      run.open.find(({ kind, of }) => kind === 'wait' && of === name);
    const waiting = model.runs.filter((run) => waits(run) !== undefined);
    const meant = waiting.length > 0 ? waiting : model.runs;
    const run = id === null ? (meant.length === 1 ? meant[0] : undefined) : runOf(model, id);
    if (run === undefined) {
      const code = model.ended.has(id as RunId) ? 'AGENT_RUN_ENDED' : 'AGENT_NOT_FOUND';
      expect(heard).toEqual(refused(id === null ? 'SIGNAL_UNADDRESSED' : code));
      return;
    }
    const wait = waits(run);
    expect(heard).toEqual(led(['signal.received'], { runId: run.id, taken: wait !== undefined }));
    if (wait === undefined) run.kept.push(name);
    else {
      finish(run, wait.step);
      wake(run);
    }
  });

/** What the clock ends: the earliest first, each once, and nothing while the session is paused. */
const passMove = (ms: number): Move =>
  move(`${ms} pass`, (model, life) => {
    model.now += ms;
    passTime(model, life);
  });

function passTime(model: Model, life: SessionLife): void {
  const fired = life.wake(model.now).map((command) => ('step' in command ? command.step : command.type));
  if (model.paused) {
    expect(fired).toEqual([]);
    return;
  }
  const due = model.runs
    .flatMap((run) => run.open.map((open) => ({ run, step: open.step, at: open.dueAt ?? model.now + 1 })))
    .filter(({ at }) => at <= model.now);
  for (const { run, step } of due) {
    finish(run, step);
    wake(run);
  }
  expect([...fired].sort()).toEqual(due.map(({ step }) => step).sort());
}

const pauseMove: Move = move('pause or resume', (model, life) => {
  model.paused = !model.paused;
  const type = model.paused ? 'session.pause' : 'session.resume';
  expect(life.decide({ type, reason: 'r' }, model.now)).not.toHaveProperty('refusal');
  passTime(model, life);
});

/** As another process finds it. */
const reloadMove: Move = move('reload', (_, life) => {
  const text = sessionLaw.encode(life.state);
  expect(sessionLaw.encode(sessionLaw.decode(text))).toBe(text);
  expect(sessionLaw.nextDeadline(sessionLaw.decode(text))).toBe(sessionLaw.nextDeadline(life.state));
});

const run = fc.constantFrom(...runIds);
const behind = fc.constantFrom(0, 0, 0, 1);
const key = fc.constantFrom(...keys);
const name = fc.constantFrom(...names);

export const stepMoves = fc.commands(
  [
    fc
      .tuple(run, fc.option(run, { freq: 1 }), fc.constantFrom(...childSteps))
      .map(([id, parent, step]) => startMove(id, parent === id ? null : parent, step)),
    fc.tuple(run, behind, key, fc.boolean()).map((given) => completeMove(...given)),
    fc.tuple(run, behind, key).map((given) => effectMove(...given)),
    fc
      .tuple(run, key, fc.constantFrom('failed' as const, 'retried' as const, 'resolved' as const))
      .map((given) => judgeMove(...given)),
    fc.tuple(run, behind, key, fc.constantFrom(1, 5, 20)).map((given) => timerMove(...given)),
    fc
      .tuple(run, key, name, fc.option(fc.constantFrom(1, 5, 20), { freq: 1 }))
      .map((given) => waitMove(...given)),
    fc.tuple(run, fc.constantFrom(0, 0, 1)).map((given) => parkMove(...given)),
    fc.tuple(run, behind).map((given) => crashMove(...given)),
    fc
      .tuple(run, behind, fc.constantFrom('completed' as const, 'failed' as const))
      .map((given) => endMove(...given)),
    run.map(stopMove),
    fc
      .tuple(run, fc.constantFrom('resumed' as const, 'resumed' as const, 'ended' as const))
      .map((given) => restartMove(...given)),
    fc.tuple(fc.option(run), name).map((given) => signalMove(...given)),
    fc.constantFrom(1, 4, 15).map(passMove),
    fc.constant(pauseMove),
    fc.constant(reloadMove),
  ],
  { maxCommands: 40, size: 'max' },
);

export function liveSteps(moves: Iterable<Move>): void {
  const real = new SessionLife();
  const never = { idleAfterMs: null, dormantAfterMs: null, maxDurationMs: null };
  real.send(opening(never), startMs);
  const model: Model = { now: startMs, paused: false, runs: [], ended: new Map() };
  // There is something to tell of from the first move on.
  const first = [startMove('a', null, ''), startMove('b', 'a', 'c1')];
  fc.modelRun(() => ({ model, real }), [...first, ...moves]);
  let replayed = sessionLaw.initial(real.stream);
  for (const event of real.recorded()) replayed = sessionLaw.evolve(replayed, event) ?? replayed;
  expect(sessionLaw.encode(replayed)).toBe(sessionLaw.encode(real.state));
}
