// A model of locks that looks at everything at every step, and random lives that law and model lead together.
import fc from 'fast-check';
import { strategyFor } from '../../src/domain/lock/conflicts.ts';
import type { AcquireLock, LockCommand } from '../../src/domain/lock/lock-commands.ts';
import type { LockEventData } from '../../src/domain/lock/lock-events.ts';
import { locksLaw, locksStream } from '../../src/domain/lock/lock-law.ts';
import { dueAtOf, type LocksState, listLocks } from '../../src/domain/lock/lock-state.ts';
import { LawLife } from './law-life.ts';

interface Claim {
  readonly who: string;
  readonly terms: Omit<AcquireLock, 'type' | 'name'>;
}
interface Held extends Claim {
  /** Counts all grants. */
  readonly nth: number;
  signAt: number;
  expiresAt: number;
  until: number | null;
}
interface Queued extends Claim {
  readonly nth: number;
  readonly deadlineAt: number;
  passed: number;
}
interface Place {
  held: Held | null;
  queue: Queued[];
}

const whoOf = ({ sessionId, owner }: { sessionId: string; owner: string | null }): string =>
  owner === null ? sessionId : `${sessionId}/${owner}`;
const minutes = 60_000;

export type LockStep =
  | { readonly do: 'acquire'; readonly name: string; readonly terms: Omit<AcquireLock, 'type' | 'name'> }
  | {
      readonly do: 'renew' | 'release';
      readonly name: string;
      readonly nth: number;
      readonly session: string;
    }
  | { readonly do: 'withdraw'; readonly name: string; readonly nth: number }
  | { readonly do: 'revoke'; readonly name: string }
  | { readonly do: 'end'; readonly session: string }
  | { readonly do: 'wait'; readonly ms: number };

class LockModel {
  now = 0;
  grants = 0;
  waits = 0;
  readonly places = new Map<string, Place>();

  place(name: string): Place {
    const found = this.places.get(name) ?? { held: null, queue: [] };
    this.places.set(name, found);
    return found;
  }

  run(step: LockStep): string {
    if (step.do === 'wait') {
      this.now += step.ms;
      this.lapse();
      return 'ok';
    }
    this.lapse();
    switch (step.do) {
      case 'acquire':
        return this.acquire(step.name, { who: whoOf(step.terms), terms: step.terms });
      case 'renew':
      case 'release': {
        const place = this.place(step.name);
        const { held } = place;
        if (held?.nth !== step.nth || held.terms.sessionId !== step.session) return 'LOCK_TOKEN_STALE';
        if (step.do === 'release') this.free(step.name);
        else {
          held.expiresAt = this.now + held.terms.ttlMs;
          held.signAt = this.now;
        }
        return 'ok';
      }
      case 'withdraw': {
        const place = this.place(step.name);
        place.queue = place.queue.filter(({ nth }) => nth !== step.nth);
        return 'ok';
      }
      case 'revoke':
        if (this.place(step.name).held !== null) this.free(step.name);
        return 'ok';
      case 'end':
        for (const place of this.places.values())
          place.queue = place.queue.filter(({ terms }) => terms.sessionId !== step.session);
        for (const [name] of [...this.places]
          .filter(([, { held }]) => held?.terms.sessionId === step.session)
          .sort(([, a], [, b]) => (a.held?.nth ?? 0) - (b.held?.nth ?? 0)))
          this.free(name);
        return 'ok';
    }
  }

  acquire(name: string, claim: Claim): string {
    const place = this.place(name);
    const { held, queue } = place;
    if (held === null) {
      this.grant(name, claim);
      return 'granted';
    }
    if (held.who === claim.who) {
      if (this.now + claim.terms.ttlMs > held.expiresAt) {
        held.expiresAt = this.now + claim.terms.ttlMs;
        held.signAt = this.now;
      }
      return 'held';
    }
    if (queue.some(({ who }) => who === claim.who)) return 'waiting';
    const sessions = new Set([held, claim, ...queue].map(({ terms }) => terms.sessionId)).size;
    const silent = this.now - held.signAt;
    const kind =
      silent > 30 * minutes
        ? 'session_timeout'
        : silent < 2 * minutes && sessions > 2
          ? 'concurrent_access'
          : 'resource_lock';
    const strategy = claim.terms.strategy ?? strategyFor(kind, sessions);
    if (claim.terms.waitMs === 0 || strategy === 'abort') return 'LOCK_HELD';
    if (this.leads(held.who, claim.who)) return 'DEADLOCK';
    queue.push({ ...claim, nth: ++this.waits, deadlineAt: this.now + claim.terms.waitMs, passed: 0 });
    const gives =
      held.terms.interruptible &&
      (claim.terms.priority > held.terms.priority || strategy === 'transfer_to_latest');
    const isTimedOut = kind === 'session_timeout' && strategy === 'transfer_to_latest';
    if (held.until === null && (gives || isTimedOut))
      held.until = Math.min(held.expiresAt, this.now + held.terms.graceMs);
    return 'waiting';
  }

  /** True when `from` waits, over however many, for something that `to` holds. */
  leads(from: string, to: string, seen: ReadonlySet<string> = new Set()): boolean {
    if (from === to) return true;
    if (seen.has(from)) return false;
    const next = [...this.places.values()].filter(({ queue }) => queue.some(({ who }) => who === from));
    return next.some(({ held }) => held !== null && this.leads(held.who, to, new Set([...seen, from])));
  }

  grant(name: string, { who, terms }: Claim): void {
    const expiresAt = this.now + terms.ttlMs;
    this.place(name).held = { who, terms, nth: ++this.grants, signAt: this.now, expiresAt, until: null };
  }

  free(name: string): void {
    const place = this.place(name);
    place.held = null;
    const patient = place.queue.find(({ passed }) => passed >= 8);
    const highest = Math.max(...place.queue.map(({ terms }) => terms.priority));
    const next = patient ?? place.queue.find(({ terms }) => terms.priority === highest);
    if (next === undefined) return;
    for (const other of place.queue) if (other.nth < next.nth) other.passed += 1;
    place.queue = place.queue.filter((other) => other !== next);
    this.grant(name, next);
    for (const other of this.places.values()) {
      const mine = other.queue.find(({ who }) => who === next.who);
      if (mine !== undefined && other.held !== null && this.leads(other.held.who, next.who))
        other.queue = other.queue.filter((one) => one !== mine);
    }
  }

  endOf({ expiresAt, until }: Held): number {
    return until === null ? expiresAt : Math.min(until, expiresAt);
  }

  lapse(): void {
    for (;;) {
      const due = [...this.places]
        .filter(([, { held }]) => held !== null)
        .map(([name, { held, queue }]) => {
          const ends = held === null ? 0 : this.endOf(held);
          return { name, at: Math.min(ends, ...queue.map((one) => one.deadlineAt)), nth: held?.nth ?? 0 };
        })
        .filter(({ at }) => at <= this.now)
        .sort((a, b) => a.at - b.at || a.nth - b.nth)[0];
      if (due === undefined) return;
      const place = this.place(due.name);
      place.queue = place.queue.filter(({ deadlineAt }) => deadlineAt > this.now);
      if (place.held !== null && this.endOf(place.held) <= this.now) this.free(due.name);
    }
  }

  shown(): string {
    const lines = [...this.places].flatMap(([name, { held, queue }]) =>
      held === null
        ? []
        : [
            `${name}: ${held.who}#${held.nth} until ${this.endOf(held)}; ${queue.map(({ who, nth, passed }) => `${who}#${nth}+${passed}`).join(' ')}`,
          ],
    );
    return lines.sort().join('\n');
  }
}

const sessions = ['a', 'b', 'c', 'd'];
const names = ['x', 'y', '__proto__'];
const name = fc.constantFrom(...names);
const session = fc.constantFrom(...sessions);
const nth = fc.integer({ min: 1, max: 12 });

const terms = fc.record({
  sessionId: session,
  owner: fc.option(fc.constantFrom('p', 'q'), { freq: 6 }),
  priority: fc.constantFrom(0, 0, 1, 5),
  interruptible: fc.boolean(),
  graceMs: fc.constantFrom(0, 10),
  ttlMs: fc.constantFrom(20, 100, 40 * minutes),
  waitMs: fc.constantFrom(0, 15, 50, 1_000, 60 * minutes),
});
const asked = fc.option(fc.constantFrom('queue_sequential', 'transfer_to_latest', 'abort'), { freq: 4 });

const step: fc.Arbitrary<LockStep> = fc.oneof(
  {
    weight: 10,
    arbitrary: fc.record({
      do: fc.constant('acquire' as const),
      name,
      terms: fc
        .tuple(terms, asked)
        .map(([said, strategy]) => (strategy === null ? said : { ...said, strategy }) as typeof said),
    }),
  },
  {
    weight: 4,
    arbitrary: fc.record({ do: fc.constantFrom('renew' as const, 'release' as const), name, nth, session }),
  },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('withdraw' as const), name, nth }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('revoke' as const), name }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('end' as const), session }) },
  {
    weight: 3,
    arbitrary: fc.record({ do: fc.constant('wait' as const), ms: fc.constantFrom(1, 10, 60, 31 * minutes) }),
  },
);

export const lockSteps = fc.array(step, { minLength: 4, maxLength: 40, size: 'max' });

/** What the law is asked; a release mostly of what is held now, by whoever holds it. */
function commandOf(
  step: Exclude<LockStep, { do: 'wait' }>,
  tokens: readonly number[],
  waitIds: readonly number[],
): LockCommand {
  switch (step.do) {
    case 'acquire':
      return { type: 'lock.acquire', name: step.name, ...step.terms };
    case 'renew':
      return {
        type: 'lock.renew',
        name: step.name,
        sessionId: step.session,
        token: tokens[step.nth - 1] ?? 9_999,
        ttlMs: null,
      };
    case 'release':
      return {
        type: 'lock.release',
        name: step.name,
        sessionId: step.session,
        token: tokens[step.nth - 1] ?? 9_999,
      };
    case 'withdraw':
      return { type: 'lock.withdraw', name: step.name, waitId: waitIds[step.nth - 1] ?? 9_999 };
    case 'revoke':
      return { type: 'lock.revoke', name: step.name, reason: 'r' };
    case 'end':
      return { type: 'locks.endSession', sessionId: step.session, reason: 'r' };
  }
}

/** A release or renewal that names no holder would nearly always be stale: every other one takes whoever holds it now. */
function aimed(step: LockStep, model: LockModel): LockStep {
  if (step.do === 'withdraw') {
    const waiting = model.place(step.name).queue[0];
    return step.nth % 2 === 0 && waiting !== undefined ? { ...step, nth: waiting.nth } : step;
  }
  if (step.do !== 'renew' && step.do !== 'release') return step;
  const { held } = model.place(step.name);
  if (held === null || step.nth % 3 === 0) return step;
  return { ...step, nth: held.nth, session: held.terms.sessionId };
}

/** Law and model lead one life; throws where they part. */
export function liveLocks(steps: readonly LockStep[]): LawLife<LocksState, LockCommand> {
  const life = new LawLife(locksLaw(), locksStream);
  const model = new LockModel();
  for (const given of steps) {
    model.lapse();
    life.passTime(model.now);
    const step = aimed(given, model);
    const tokens = life.events.filter(({ type }) => type === 'lock.granted').map(({ seq }) => seq);
    const waitIds = life.events.filter(({ type }) => type === 'lock.queued').map(({ seq }) => seq);
    // What was granted under it is not withdrawn from the model: the law gives it back.
    if (step.do === 'withdraw') {
      const granted = life.state.locks.get(step.name)?.grant.waitId;
      if (granted != null && granted === waitIds[step.nth - 1]) continue;
    }
    if (step.do === 'wait') {
      model.run(step);
      life.passTime(model.now);
    } else {
      const answer = life.send(commandOf(step, tokens, waitIds), model.now);
      const found = typeof answer === 'string' ? answer : String(answer.outcome ?? 'ok');
      const wanted = model.run(step);
      if (found !== wanted) throw new Error(`${JSON.stringify(step)} is answered ${found}, not ${wanted}`);
    }
    const [is, should] = [shownState(life), model.shown()];
    if (is !== should) throw new Error(`after ${JSON.stringify(step)}\n${is}\nis not\n${should}`);
    assertSound(life.state);
  }
  life.assertReplays();
  assertFair(life);
  return life;
}

function shownState({ state, events }: LawLife<LocksState, LockCommand>): string {
  const [tokens, waitIds] = ['lock.granted', 'lock.queued'].map((wanted) =>
    events.filter(({ type }) => type === wanted).map(({ seq }) => seq),
  );
  const lines = listLocks(state).map(({ name: of, grant, waiters }) => {
    const until =
      grant.interrupt === null ? grant.expiresAt : Math.min(grant.expiresAt, grant.interrupt.until);
    const queue = waiters.map(
      (one) => `${whoOf(one)}#${(waitIds?.indexOf(one.waitId) ?? 0) + 1}+${one.passed}`,
    );
    return `${of}: ${whoOf(grant)}#${(tokens?.indexOf(grant.token) ?? 0) + 1} until ${until}; ${queue.join(' ')}`;
  });
  return lines.sort().join('\n');
}

function assertSound(state: LocksState): void {
  const locks = listLocks(state);
  const dues = locks.map(dueAtOf);
  const next = dues.length === 0 ? null : Math.min(...dues);
  if ((state.dues?.at ?? null) !== next)
    throw new Error(`the next deadline is ${state.dues?.at}, not ${next}`);
  const waits = locks.reduce((sum, { waiters }) => sum + waiters.length, 0);
  if (waits !== state.waits) throw new Error(`${state.waits} waits are counted, there are ${waits}`);
  for (const sessionId of sessions) {
    const mine = locks
      .filter(({ grant, waiters }) => [grant, ...waiters].some((one) => one.sessionId === sessionId))
      .map(({ name: of }) => of);
    const indexed = [...(state.bySession.get(sessionId) ?? [])].sort();
    if (indexed.join() !== mine.sort().join()) throw new Error(`the index of ${sessionId} is ${indexed}`);
  }
}

/** Tokens only grow, and whoever is granted a lock was passed over by at most eight who came later. */
export function assertFair({ events }: LawLife<LocksState, LockCommand>): void {
  const granted = events.filter(({ type }) => type === 'lock.granted');
  for (const [i, { seq, data }] of granted.entries()) {
    if (seq <= (granted[i - 1]?.seq ?? 0)) throw new Error('a token is no greater than the one before');
    const { name: of, waitId } = data as LockEventData['lock.granted'];
    if (waitId === null) continue;
    const overtook = granted.slice(0, i).filter((other) => {
      const before = other.data as LockEventData['lock.granted'];
      return before.name === of && before.waitId !== null && before.waitId > waitId;
    });
    if (overtook.length > 8) throw new Error(`${overtook.length} who came later went first`);
  }
}
