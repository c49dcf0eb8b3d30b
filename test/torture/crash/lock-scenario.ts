// Locks and roster of a whole system, as the crash matrix wants them: whoever is cut off, no lock is held by nobody, by two or for ever,
// no token goes back, and all work is in the hands of somebody who is here.
import assert from 'node:assert/strict';
import type { Client } from '../../../src/client/client.ts';
import type { CommandPlace, CrashScenario } from '../../../src/testing/crash-matrix/scenario.ts';
import type { Random } from '../random-moves.ts';
import { callOf, isOver, type Steady, settled, startSteady, statusOf, stepMs, stepsUntil } from './steady.ts';

const parties = ['ann', 'bert', 'cleo'] as const;
const names = ['axe', 'bow', 'cup'] as const;
const taskIds = ['one', 'two'] as const;
const roles = ['cook', 'smith'] as const;
/** Ends with none of the others, holds what there is to do, and remembers the newest token of each lock that was written under. */
const shelf = 'shelf';

type Party = (typeof parties)[number];
type Name = (typeof names)[number];

export type LockMove =
  | { readonly do: 'create'; readonly sessionId: string }
  | { readonly do: 'tasks' }
  | { readonly do: 'join'; readonly by: Party; readonly role: string; readonly leased: boolean }
  | {
      readonly do: 'beat' | 'leave' | 'pause' | 'resume' | 'end' | 'complete' | 'release work';
      readonly by: Party;
    }
  | { readonly do: 'assign'; readonly taskId: string; readonly role: string }
  | {
      readonly do: 'acquire';
      readonly by: Party;
      readonly name: Name;
      readonly waits: boolean;
      readonly priority: number;
      readonly interruptible: boolean;
    }
  | { readonly do: 'release' | 'renew' | 'write' | 'give up'; readonly by: Party; readonly name: Name }
  | { readonly do: 'pass' };

const [ttlMs, waitMs, leaseMs] = [3 * stepMs, 2 * stepMs, 4 * stepMs];
/** Whoever waits is served or told by then, and whatever is held then is free. */
const bound = Math.max(waitMs + ttlMs, leaseMs) / stepMs + 1;

export const lockScenario = (most: number): CrashScenario<Steady, LockMove> => ({
  start: (ports) => startSteady(ports),
  commands: (random) => [
    ...[shelf, ...parties].map((sessionId): LockMove => ({ do: 'create', sessionId })),
    { do: 'tasks' },
    ...randomMoves(random, 3 + Math.ceil(random() * most)),
  ],
  run: async (steady, move, place) => {
    await settledView(steady);
    return carryOut(steady, move, place);
  },
  read: settledView,
  check: (view) => assertWhole(view as View),
  later: promised,
  stop: ({ system }) => system.close(),
});

const pick = <T>(random: Random, items: readonly [T, ...T[]]): T =>
  items[Math.floor(random() * items.length)] ?? items[0];

function randomMoves(random: Random, count: number): LockMove[] {
  const moves: LockMove[] = [];
  while (moves.length < count) {
    const move = randomMove(random);
    moves.push(...(random() < 0.12 ? circle(random) : [move]));
    // Whoever has just asked for something ends.
    if (move.do === 'acquire' && random() < 0.15) moves.push({ do: 'end', by: move.by });
  }
  return moves;
}

/** Two or three who would wait for each other. */
function circle(random: Random): LockMove[] {
  const size = random() < 0.5 ? 2 : 3;
  const acquire = (who: number, what: number): LockMove => ({
    ...{ do: 'acquire', by: parties[who % size] ?? 'ann', name: names[what % size] ?? 'axe' },
    ...{ waits: true, priority: 0, interruptible: false },
  });
  const places = [...Array(size).keys()];
  return [...places.map((n) => acquire(n, n)), ...places.map((n) => acquire(n, n + 1))];
}

function randomMove(random: Random): LockMove {
  const [by, name, what] = [pick(random, parties), pick(random, names), random()];
  if (what < 0.3) {
    const [waits, priority, interruptible] = [random() < 0.7, random() < 0.3 ? 5 : 0, random() < 0.4];
    return { do: 'acquire', by, name, waits, priority, interruptible };
  }
  if (what < 0.42) return { do: 'pass' };
  if (what < 0.54) return { do: pick(random, ['release', 'renew', 'write', 'write', 'give up']), by, name };
  if (what < 0.68) return { do: 'join', by, role: pick(random, roles), leased: random() < 0.6 };
  if (what < 0.8) return { do: 'assign', taskId: pick(random, taskIds), role: pick(random, roles) };
  if (what < 0.86) return { do: pick(random, ['complete', 'release work']), by };
  return { do: pick(random, ['beat', 'leave', 'pause', 'resume', 'end', 'end']), by };
}

async function carryOut(steady: Steady, move: LockMove, { key }: CommandPlace): Promise<unknown> {
  const { client, clock } = steady;
  const { sessions, roster, tasks } = client;
  const options = { idempotencyKey: key };
  switch (move.do) {
    case 'create':
      return sessions.create({ sessionId: move.sessionId }, options);
    case 'tasks': {
      const all = taskIds.map((taskId) => ({ taskId, title: taskId }));
      return tasks.createMany({ sessionId: shelf, tasks: all }, options);
    }
    case 'join': {
      const liveness = move.leased ? 'lease' : 'supervised';
      return roster.join({ sessionId: move.by, role: move.role, liveness, leaseMs }, options);
    }
    case 'beat':
      return roster.heartbeat({ sessionId: move.by }, options);
    case 'leave':
      return roster.leave({ sessionId: move.by }, options);
    case 'pause':
    case 'resume':
      return sessions[move.do]({ sessionId: move.by }, options);
    case 'end':
      return sessions.terminate({ sessionId: move.by }, options);
    case 'complete':
      return roster.complete({ sessionId: move.by, result: key }, options);
    case 'release work':
      return roster.release({ sessionId: move.by }, options);
    case 'assign':
      return roster.assign({ sessionId: shelf, taskId: move.taskId, role: move.role }, options);
    case 'pass':
      return clock.advance(stepMs);
    case 'acquire':
      return acquire(steady, move, key);
    default:
      return withLock(steady, move, key);
  }
}

async function acquire(
  steady: Steady,
  { by: sessionId, name, waits, priority, interruptible }: Extract<LockMove, { do: 'acquire' }>,
  key: string,
): Promise<unknown> {
  const { locks, roster } = steady.client;
  // Of one that is dead nothing is heard.
  const { items: dead } = await roster.list({ status: 'dead' });
  if (dead.some((one) => one.sessionId === sessionId)) return undefined;
  const terms = { ttlMs, waitMs: waits ? waitMs : 0, priority, interruptible, graceMs: stepMs };
  return callOf(
    steady,
    `${sessionId} ${name}`,
    (signal) => locks.acquire({ sessionId, name, ...terms }, { idempotencyKey: key, signal }),
    () => isWaiting(steady.client, sessionId, name),
  );
}

async function isWaiting({ locks }: Client, sessionId: string, name: string): Promise<boolean> {
  return (await locks.get({ name })).waiters.some((waiter) => waiter.sessionId === sessionId);
}

async function withLock(
  steady: Steady,
  { do: what, by: sessionId, name }: Extract<LockMove, { do: 'release' | 'renew' | 'write' | 'give up' }>,
  idempotencyKey: string,
): Promise<unknown> {
  const { client } = steady;
  if (what === 'give up') return giveUp(steady, sessionId, name);
  const { holder } = await client.locks.get({ name });
  if (holder?.sessionId !== sessionId) return undefined;
  const { fencingToken } = holder;
  const options = { idempotencyKey };
  if (what !== 'write') return client.locks[what]({ sessionId, name, fencingToken }, options);
  const { value: newest } = await client.memory
    .get({ sessionId: shelf, key: name })
    .catch(() => ({ value: 0 }));
  assert.ok(
    fencingToken >= Number(newest),
    `the token of ${name} went back from ${newest} to ${fencingToken}`,
  );
  return client.memory.set({ sessionId: shelf, key: name, value: fencingToken }, options);
}

/** Whoever calls waits no more; where the process is another, it waits first where the one before did. */
async function giveUp(steady: Steady, sessionId: string, name: string): Promise<void> {
  const { client, calls } = steady;
  const key = `${sessionId} ${name}`;
  if (!(await isWaiting(client, sessionId, name))) return;
  const again = (signal: AbortSignal) => client.locks.acquire({ sessionId, name, ttlMs, waitMs }, { signal });
  if (calls.get(key)?.outcome !== 'waiting')
    await callOf(steady, key, again, () => isWaiting(client, sessionId, name));
  calls.get(key)?.abort();
  await settled(
    () => isWaiting(client, sessionId, name),
    (waits) => (waits ? `${key} waits, and was given up` : undefined),
  );
}

interface View {
  readonly step: number;
  readonly sessions: Readonly<Record<string, string | null>>;
  readonly locks: readonly {
    readonly name: string;
    readonly token: number;
    readonly holder: string;
    readonly until: number;
    readonly interruptedBy: string | null;
    readonly waiters: readonly { readonly sessionId: string; readonly until: number }[];
  }[];
  readonly members: readonly {
    readonly sessionId: string;
    readonly status: string;
    readonly task: string | null;
    readonly until: number | null;
  }[];
  readonly tasks: readonly {
    readonly taskId: string;
    readonly status: string;
    readonly owner: string | null;
  }[];
  readonly written: readonly (readonly [name: string, token: number])[];
}

const settledView = (steady: Steady): Promise<View> => settled(() => viewOf(steady), stillToCome);

async function viewOf({ client, clock }: Steady): Promise<View> {
  const ids = [shelf, ...parties];
  const statuses = await Promise.all(ids.map((sessionId) => statusOf(client, sessionId)));
  const sessions = Object.fromEntries(ids.map((id, n) => [id, statuses[n] ?? null]));
  const locks = (await client.locks.list({})).items;
  const living = (await client.roster.list({})).items;
  const dead = (await client.roster.list({ status: 'dead' })).items;
  const isHere = sessions[shelf] !== null;
  const tasks = isHere ? (await client.tasks.list({ sessionId: shelf, sort: 'title' })).items : [];
  const keys = isHere ? await client.memory.keys({ sessionId: shelf }) : [];
  return {
    ...{ step: stepsUntil(clock.now()), sessions },
    locks: locks.map(({ name, holder, waiters }) => ({
      ...{ name, token: holder?.fencingToken ?? 0, holder: holder?.sessionId ?? 'nobody' },
      ...{ until: stepsUntil(holder?.until ?? 0), interruptedBy: holder?.interruptedBy ?? null },
      waiters: waiters.map(({ sessionId, deadlineAt, priority, passed }) => ({
        ...{ sessionId, until: stepsUntil(deadlineAt), priority, passed },
      })),
    })),
    members: [...living, ...dead].map(({ sessionId, role, status, work, leaseUntil }) => ({
      ...{ sessionId, role, status, task: work?.task?.taskId ?? null },
      until: leaseUntil === null ? null : stepsUntil(leaseUntil),
    })),
    tasks: tasks.map(({ taskId, status, owner }) => ({ taskId, status, owner })),
    written: await Promise.all(
      keys.map(
        async (key) => [key, Number((await client.memory.get({ sessionId: shelf, key })).value)] as const,
      ),
    ),
  };
}

/** What is to be done by itself, and is not yet. */
function stillToCome({ step, sessions, locks, members, tasks }: View): string | undefined {
  const dead = new Set(members.filter(({ status }) => status === 'dead').map(({ sessionId }) => sessionId));
  const isGone = (sessionId: string) => isOver(sessions[sessionId]) || dead.has(sessionId);
  const ending = Object.keys(sessions).find((id) => sessions[id] === 'terminating');
  if (ending !== undefined) return `${ending} is on the way to its end`;
  for (const { name, holder, until, waiters } of locks) {
    if (until <= step) return `${holder} holds ${name} beyond its time`;
    if (isGone(holder)) return `${holder} holds ${name}, and is gone`;
    for (const waiter of waiters) {
      if (waiter.until <= step) return `${waiter.sessionId} waits for ${name} beyond its time`;
      if (isGone(waiter.sessionId)) return `${waiter.sessionId} waits for ${name}, and is gone`;
    }
  }
  for (const { sessionId, status, until, task } of members) {
    if (status === 'dead') continue;
    if (until !== null && until <= step) return `${sessionId} is on the roster beyond its lease`;
    if (isOver(sessions[sessionId])) return `${sessionId} is on the roster, and has ended`;
    const work = tasks.find(({ taskId }) => taskId === task);
    if (task !== null && work?.owner !== sessionId)
      return `${sessionId} is busy with ${task}, which is not its own`;
  }
  const stray = tasks.find(
    ({ taskId, owner }) =>
      owner !== null && !members.some((one) => one.sessionId === owner && one.task === taskId),
  );
  return stray && `${stray.taskId} is in the hands of ${stray.owner}, who does not have it`;
}

function assertWhole({ locks, written }: View): void {
  const tokens = locks.map(({ token }) => token);
  assert.equal(new Set(tokens).size, tokens.length, 'two locks have one token');
  for (const [name, newest] of written) {
    const held = locks.find((lock) => lock.name === name);
    assert.ok(
      held === undefined || held.token >= newest,
      `${name} went back from ${newest} to ${held?.token}`,
    );
  }
}

/** Whatever was cut off: when its time is over all is free, everybody was told, and nobody gets a token that there was. */
async function promised(steady: Steady): Promise<void> {
  const { client, clock, calls } = steady;
  let view = await settledView(steady);
  const newest = Math.max(
    0,
    ...view.locks.map(({ token }) => token),
    ...view.written.map(([, token]) => token),
  );
  for (let step = 0; step < bound; step++) {
    await clock.advance(stepMs);
    view = await settledView(steady);
    assertWhole(view);
  }
  assert.deepEqual(view.locks, [], 'a lock is held when its time is over');
  for (const [key, { outcome }] of calls)
    assert.notEqual(outcome, 'waiting', `${key} waits, and is not told`);
  const leased = view.members.filter(({ status, until }) => status !== 'dead' && until !== null);
  assert.deepEqual(leased, [], 'a member of which nothing was heard lives');
  if (isOver(view.sessions[shelf])) return;
  for (const name of names) {
    const { fencingToken } = await client.locks.acquire({ sessionId: shelf, name, waitMs: 0 });
    assert.ok(fencingToken > newest, `${name} is granted with ${fencingToken}, behind ${newest}`);
  }
}
