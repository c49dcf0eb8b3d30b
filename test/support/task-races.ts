// Workers that claim, renew, hand over, complete and lose one task while it is paused, cancelled and tried again and time passes, over a
// journal whose every append is let go by a scheduler. What they were told is held against a plain reading of the journal.
import fc from 'fast-check';
import { toError } from '../../src/base/errors.ts';
import { EntityHost } from '../../src/collaboration/entity-host.ts';
import type { TaskCommand } from '../../src/domain/task/task-commands.ts';
import { tasksLaw } from '../../src/domain/task/task-law.ts';
import type { TasksState } from '../../src/domain/task/task-state.ts';
import type { Answer, CommandMeta } from '../../src/entity/command-meta.ts';
import type { StoredEvent } from '../../src/journal/journal.ts';
import { type RacingClock, racingClock } from './lock-races.ts';
import { scheduledJournal } from './scheduled-journal.ts';
import { create, newTask } from './task-life.ts';
import { contentsOf, readTask } from './task-reading.ts';

type Deed =
  | { readonly do: 'claim'; readonly leaseMs: number | null; readonly then: Then }
  | { readonly do: 'take'; readonly leaseMs: number; readonly then: Then }
  | { readonly do: 'decline' | 'cancel' | 'pause' | 'resume' | 'retry' };

/** What whoever has it does with it; `stall`: it is away for long, and then goes on as if nothing had been. */
type Then = 'complete' | 'twice' | 'fail' | 'release' | 'renew' | 'offer' | 'withdraw' | 'stall' | 'die';

const then = fc.constantFrom<Then>(
  ...(['complete', 'twice', 'fail', 'release', 'renew', 'offer', 'offer', 'offer', 'withdraw'] as const),
  ...(['stall', 'stall', 'die'] as const),
);

const deed: fc.Arbitrary<Deed> = fc.oneof(
  {
    weight: 6,
    arbitrary: fc.record({
      ...{ do: fc.constant('claim' as const), leaseMs: fc.constantFrom(2, 6, 40, null), then },
    }),
  },
  {
    weight: 3,
    arbitrary: fc.record({ do: fc.constant('take' as const), leaseMs: fc.constantFrom(4, 40), then }),
  },
  {
    weight: 2,
    arbitrary: fc.record({
      do: fc.constantFrom(...(['decline', 'cancel', 'pause', 'resume', 'resume', 'retry'] as const)),
    }),
  },
);

/** What each worker does, one thing after the other, and how time passes beside them. */
export const taskPlans = fc.record({
  workers: fc.array(fc.array(deed, { minLength: 1, maxLength: 4 }), { minLength: 2, maxLength: 4 }),
  times: fc.array(fc.constantFrom(1, 3, 10), { maxLength: 6 }),
});

/** A command and what its sender was told of it. */
interface ToldTask {
  readonly command: TaskCommand;
  readonly code: string;
  readonly answer: Answer | undefined;
}

export interface TaskRace {
  /** What must not be, in words. */
  readonly broken: readonly string[];
  readonly attempts: number;
  readonly handedOver: number;
  readonly completed: number;
  /** Words of attempts that were over, all refused. */
  readonly refused: number;
}

interface Racers {
  readonly host: EntityHost<TasksState, TaskCommand>;
  readonly clock: RacingClock;
  readonly scheduler: fc.Scheduler;
  readonly told: ToldTask[];
}

interface Plan {
  readonly workers: readonly (readonly Deed[])[];
  readonly times: readonly number[];
}

export async function raceForTask(plan: Plan, scheduler: fc.Scheduler): Promise<TaskRace> {
  const clock = racingClock();
  const journal = scheduledJournal(scheduler);
  const live: string[] = [];
  const host = new EntityHost<TasksState, TaskCommand>({
    ...{ law: tasksLaw, journal, clock, mailboxSize: 100, telemetry: () => {} },
    tell: (_, __, state) => void live.push(tasksLaw.encode(state)),
  });
  const racers: Racers = { host, clock, scheduler, told: [] };
  const all = race(racers, plan);
  await scheduler.waitFor(all.then(() => undefined));
  await all;
  const { state } = await host.read('s');
  const { events } = await journal.readFrom(host.streamOf('s'), 0);
  host.kill();
  const text = tasksLaw.encode(state);
  const broken = [
    ...judged(racers, events),
    ...(live.at(-1) === text ? [] : ['its listeners saw another end']),
  ];
  const replayed = events.reduce((before, event) => tasksLaw.evolve(before, event) ?? before, initial());
  if (tasksLaw.encode(replayed) !== text) broken.push('its events lead elsewhere');
  const count = (type: string): number => events.filter((event) => event.type === type).length;
  const refused = racers.told.filter(({ code }) => code === 'TASK_LEASE_LOST').length;
  const attempts = count('task.started') + count('task.handedOver');
  const handedOver = count('task.handedOver');
  return { broken, attempts, handedOver, completed: count('task.completed'), refused };
}

const initial = (): TasksState => tasksLaw.initial('tasks/s');

async function race(racers: Racers, { workers, times }: Plan): Promise<void> {
  const { host, clock, scheduler } = racers;
  const retry = { maxAttempts: 3, backoffMs: 2, factor: 1, maxBackoffMs: 2 };
  await host.send('s', create(newTask('t', { retry })));
  const passing = async (): Promise<void> => {
    for (const [n, ms] of times.entries()) {
      await scheduler.schedule(Promise.resolve(), `time ${n}`);
      clock.pass(ms);
    }
  };
  await Promise.all([...workers.map((deeds, n) => work(racers, `w${n}`, deeds)), passing()]);
  // The longest lease, and all that lapses with it.
  for (let n = 0; n < 8; n++) {
    clock.pass(10);
    await scheduler.schedule(Promise.resolve(), `all is over ${n}`);
  }
  for (let n = 0; n < 20 && isDue(await host.read('s'), clock); n++)
    await scheduler.schedule(Promise.resolve(), `look ${n}`);
}

const isDue = ({ state }: { readonly state: TasksState }, clock: RacingClock): boolean =>
  tasksLaw.due(state, clock.now()) !== undefined;

async function tell(
  { host, told }: Racers,
  command: TaskCommand,
  meta?: CommandMeta,
): Promise<Answer | undefined> {
  const place = told.length;
  const note = (code: string, answer?: Answer): Answer | undefined => {
    told[place] = { command, code, answer };
    return answer;
  };
  note('unanswered');
  return host.send('s', command, meta).then(
    (answer) => note('ok', answer),
    (error: unknown) => note((toError(error) as { code?: string }).code ?? String(error)),
  );
}

async function work(racers: Racers, name: string, deeds: readonly Deed[]): Promise<void> {
  for (const [n, deed] of deeds.entries()) {
    await racers.scheduler.schedule(Promise.resolve(), `${name}.${n}`);
    const taskId = 't';
    const reason = `${name}.${n}`;
    if (deed.do === 'decline') await tell(racers, { type: 'task.decline', taskId, by: name, reason });
    else if (deed.do !== 'claim' && deed.do !== 'take')
      await tell(racers, { type: `task.${deed.do}`, taskId, reason });
    else {
      const { leaseMs } = deed;
      const command: TaskCommand =
        deed.do === 'claim'
          ? { type: 'task.start', taskId, owner: name, leaseMs }
          : { type: 'task.take', taskId, by: name, leaseMs: leaseMs ?? 40 };
      let got = await tell(racers, command);
      for (let again = 0; got === undefined && again < 4; again++) {
        await racers.scheduler.schedule(Promise.resolve(), `${reason} asks again ${again}`);
        got = await tell(racers, command);
      }
      if (got !== undefined) await use(racers, reason, Number(got.epoch), deed.then);
    }
  }
}

async function use(racers: Racers, reason: string, epoch: number, what: Then): Promise<void> {
  const { scheduler } = racers;
  const attempt = { taskId: 't', epoch };
  const complete: TaskCommand = { type: 'task.complete', ...attempt, result: reason };
  const pause = (why: string) => scheduler.schedule(Promise.resolve(), `${reason} ${why}`);
  await pause('goes on');
  switch (what) {
    case 'die':
      return;
    case 'stall':
      for (let turn = 0; turn < 6; turn++) await pause(`stalls ${turn}`);
      return void (await tell(racers, complete));
    case 'complete':
      return void (await tell(racers, complete));
    case 'twice': {
      // Whoever does not know whether he was heard says it again.
      const meta: CommandMeta = { operationId: reason, digest: 'd' };
      return void (await Promise.all([tell(racers, complete, meta), tell(racers, complete, meta)]));
    }
    case 'fail': {
      const error = { name: 'E', message: reason };
      return void (await tell(racers, { type: 'task.fail', ...attempt, error, retryable: true }));
    }
    case 'release':
      return void (await tell(racers, { type: 'task.release', ...attempt }));
    case 'renew':
      await tell(racers, { type: 'task.progress', ...attempt, progress: null, leaseMs: 20 });
      await pause('has renewed');
      return void (await tell(racers, complete));
    case 'offer':
    case 'withdraw': {
      const to = reason.startsWith('w0') ? 'w1' : 'w0';
      const terms = { deadlineMs: 5, reason, package: contentsOf(reason) };
      await tell(racers, { type: 'task.offer', ...attempt, to, ...terms });
      for (let turn = 0; turn < 3; turn++) await pause(`has offered ${turn}`);
      // It goes on as long as nobody has taken it.
      if (what === 'withdraw') await tell(racers, { type: 'task.withdraw', ...attempt, reason });
      return void (await tell(racers, complete));
    }
  }
}

function judged({ told, clock }: Racers, events: readonly StoredEvent[]): string[] {
  const { broken, heard, task } = readTask(events, clock.now());
  for (const { command, answer } of told) {
    const said = events[(answer?.seq ?? 0) - 1]?.data as { readonly epoch?: number } | undefined;
    const { type, epoch = said?.epoch } = command as { readonly type: string; readonly epoch?: number };
    if (ofAttempts.has(type) && said?.epoch !== undefined && said.epoch !== epoch)
      broken.push(`${type} of the attempt ${epoch} was taken for one of ${said.epoch}`);
  }
  const of = (type: string) => told.filter(({ command, code }) => command.type === type && code === 'ok');
  const results = new Set(of('task.complete').map(({ command }) => (command as { result: string }).result));
  if (results.size > 1) broken.push(`${[...results].join(' and ')} were told that their result counts`);
  for (const result of results)
    if (task.status !== 'completed' || task.result !== result) broken.push(`the result ${result} is lost`);
  if (results.size === 0 && task.status === 'completed') broken.push('a result counts that was refused');
  for (const { command, code } of told)
    if (code === 'unanswered') broken.push(`${command.type} was never answered`);
  for (const [type, event] of answeredBy) {
    const granted = of(type).length;
    if (granted !== (heard.get(event) ?? 0))
      broken.push(`${granted} ${type} were granted, and ${event} is not so often`);
  }
  return broken;
}

const ofAttempts: ReadonlySet<string> = new Set([
  ...['task.complete', 'task.fail', 'task.release', 'task.progress', 'task.offer'],
]);

/** Commands that are granted once for each event that they lead to. */
const answeredBy = [
  ['task.start', 'task.started'],
  ['task.take', 'task.handedOver'],
  ['task.offer', 'task.offered'],
  ['task.progress', 'task.progressed'],
] as const;
