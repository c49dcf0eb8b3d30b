// The tasks harness: thousands of tasks that wait for each other, carried out by agents in a process that is killed again and
// again. Each effect is recorded once per key, none comes before what its task waits for, and none is forgotten.
import { type ChildProcess, spawn } from 'node:child_process';
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { type Harness, seededRandom, type TortureOptions, type TortureResult } from './harness.ts';
import { readLines } from './kill/lines.ts';
import { type Plan, type PlannedTask, plannedTasks, type TaskReport } from './tasks/plan.ts';

type SessionReport = Extract<TaskReport, { readonly report: 'session' }>;

interface Killed {
  readonly kills: number;
  readonly duringStart: number;
  readonly problems: readonly string[];
}

/** So long a worker may say nothing. */
const silenceMs = 120_000;
/** Of all kills, so many come before the worker serves. */
const startShare = 0.25;

export const tasksHarness: Harness = {
  name: 'tasks',
  summary: '10,000 tasks with random dependencies through 20 SIGKILLs: each effect once per key, in order',
  async run(options) {
    const location = mkdtempSync(join(tmpdir(), 'holdfast-tasks-'));
    const cleanUp = (): void => rmSync(location, { recursive: true, force: true, maxRetries: 5 });
    process.once('exit', cleanUp);
    try {
      const plan: Plan = options.short
        ? { seed: options.seed, tasks: 200, sessions: 2 }
        : { seed: options.seed, tasks: 10_000, sessions: 4 };
      const killed = await carryOut(location, plan, options);
      return judged(plan, killed, await readSessions(location, plan));
    } finally {
      process.off('exit', cleanUp);
      cleanUp();
    }
  },
};

async function carryOut(location: string, plan: Plan, options: TortureOptions): Promise<Killed> {
  const cycles = options.cycles ?? (options.short ? 2 : 20);
  const random = seededRandom(options.seed + 1);
  const problems: string[] = [];
  let duringStart = 0;
  let kills = 0;
  const share = plan.tasks / (cycles + 1);
  for (; kills < cycles; kills++) {
    const atStart = kills > 0 && random() < startShare;
    const after = Math.ceil(share * (0.3 + random()));
    const moment = atStart ? { delayMs: random() * 600 } : { completed: after };
    const ended = await runWorker(location, plan, moment);
    if (ended === 'starting') duringStart += 1;
    if (ended === 'done') break;
    if (ended === 'failed') problems.push(`the worker failed before kill ${kills + 1}`);
    options.progress(kills + 1, cycles, `${duringStart} kills before it served`);
  }
  const last = await runWorker(location, plan, {});
  if (last !== 'done') problems.push('the last worker did not come to the end');
  return { kills, duringStart, problems };
}

type End = 'starting' | 'serving' | 'done' | 'failed';

/** Runs until so many more tasks are completed, or for so long; to the end without either. */
async function runWorker(
  location: string,
  plan: Plan,
  { completed, delayMs }: { readonly completed?: number; readonly delayMs?: number },
): Promise<End> {
  let end: End = 'starting';
  let isKilled = false;
  const kill = (child: ChildProcess): void => {
    isKilled = true;
    child.kill('SIGKILL');
  };
  const code = await worker(
    'run',
    location,
    plan,
    (report, child) => {
      if (report.report === 'serving') end = 'serving';
      if (report.report === 'done') end = 'done';
      if (report.report === 'completed' && completed !== undefined && report.count >= completed) kill(child);
    },
    delayMs === undefined ? undefined : { delayMs, kill },
  );
  return !isKilled && code !== 0 ? 'failed' : end;
}

async function readSessions(location: string, plan: Plan): Promise<readonly SessionReport[]> {
  const reports: SessionReport[] = [];
  await worker('read', location, plan, (report) => {
    if (report.report === 'session') reports.push(report);
  });
  return reports;
}

function worker(
  mode: 'run' | 'read',
  location: string,
  plan: Plan,
  hear: (report: TaskReport, child: ChildProcess) => void,
  later?: { readonly delayMs: number; readonly kill: (child: ChildProcess) => void },
): Promise<number | null> {
  const child = spawn(process.execPath, [findWorker(), mode, location, JSON.stringify(plan)], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const giveUp = (): void => void child.kill('SIGKILL');
  process.once('exit', giveUp);
  let silence = setTimeout(giveUp, silenceMs);
  const timer = later && setTimeout(() => later.kill(child), later.delayMs);
  readLines<TaskReport>(child.stdout, (report) => {
    clearTimeout(silence);
    silence = setTimeout(giveUp, silenceMs);
    hear(report, child);
  });
  return new Promise((resolve, reject) => {
    child.once('error', reject);
    child.once('close', (code) => {
      clearTimeout(silence);
      clearTimeout(timer);
      process.off('exit', giveUp);
      resolve(code);
    });
  });
}

function judged(plan: Plan, killed: Killed, sessions: readonly SessionReport[]): TortureResult {
  const tasks = plannedTasks(plan);
  const broken = [...killed.problems];
  if (sessions.length !== plan.sessions)
    broken.push(`${sessions.length} of ${plan.sessions} sessions can be read`);
  for (const session of sessions)
    broken.push(
      ...faultsIn(
        session,
        tasks.filter(({ sessionId }) => sessionId === session.sessionId),
      ),
    );
  const sum = (of: (session: SessionReport) => number): number =>
    sessions.reduce((total, one) => total + of(one), 0);
  return {
    rows: [
      ['tasks', plan.tasks],
      ['dependencies', tasks.reduce((total, { dependencies }) => total + dependencies.length, 0)],
      ['kills', killed.kills],
      ['kills before it served', killed.duringStart],
      ['completed', sum(({ completed }) => completed)],
      ['effects recorded', sum(({ effects }) => effects.length)],
      ['attempts that were tried again', sum(({ requeued }) => requeued)],
      ['times that open tasks were taken up', sum(({ resumed }) => resumed)],
    ],
    broken,
  };
}

function faultsIn(
  { sessionId, completed, open, effects, completions, unblockings }: SessionReport,
  tasks: readonly PlannedTask[],
): string[] {
  const faults: string[] = [];
  const some = (what: string, found: readonly string[]): void => {
    if (found.length > 0)
      faults.push(`${sessionId}: ${what}: ${found.length}, such as ${found.slice(0, 3).join(', ')}`);
  };
  const done = new Map<string, number>();
  for (const [place, key] of effects.entries()) {
    const taskId = key.slice(key.indexOf('/') + 1, key.indexOf('@'));
    if (!done.has(taskId)) done.set(taskId, place);
  }
  if (completed !== tasks.length || open !== 0)
    faults.push(`${sessionId}: ${completed} of ${tasks.length} completed, ${open} open`);
  some('effects recorded twice under one key', doubled(effects));
  some('completed twice', doubled(completions));
  some('unblocked twice', doubled(unblockings));
  some(
    'forgotten',
    tasks.filter(({ taskId }) => !done.has(taskId)).map(({ taskId }) => taskId),
  );
  some(
    'before what it waits for',
    tasks
      .filter(({ taskId, dependencies }) =>
        dependencies.some((other) => (done.get(other) ?? 0) > (done.get(taskId) ?? 0)),
      )
      .map(({ taskId }) => taskId),
  );
  const waited = tasks.filter(({ dependencies }) => dependencies.length > 0).length;
  if (unblockings.length > waited)
    faults.push(`${sessionId}: ${unblockings.length} unblocked, ${waited} waited`);
  return faults;
}

const doubled = (list: readonly string[]): string[] =>
  list.filter((item, place) => list.indexOf(item) !== place);

/** Beside this file when it is compiled; a test runs the source, and the compiled worker stands in `.build`. */
function findWorker(): string {
  const compiled = import.meta.url.endsWith('.ts')
    ? '../../.build/test/torture/tasks-worker.js'
    : './tasks-worker.js';
  const path = fileURLToPath(new URL(compiled, import.meta.url));
  if (existsSync(path)) return path;
  throw new Error(`${path} is missing: run "npm run build:programs" first`);
}
