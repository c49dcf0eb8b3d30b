// A model of the roster that looks at everybody at every step, and random lives that law and model lead together.
import fc from 'fast-check';
import type { RosterCommand } from '../../src/domain/roster/roster-commands.ts';
import { rosterLaw, rosterStream } from '../../src/domain/roster/roster-law.ts';
import { isFree, listMembers, type RosterState } from '../../src/domain/roster/roster-state.ts';
import { LawLife } from './law-life.ts';

interface ModelMember {
  nth: number;
  role: string;
  leaseMs: number | null;
  until: number;
  resting: boolean;
  available: boolean;
  /** Counts all that makes somebody idle. */
  idle: number;
  work: string | null;
}

export type RosterStep =
  | { readonly do: 'join'; readonly id: string; readonly role: string; readonly leaseMs: number | null }
  | { readonly do: 'leave' | 'end' | 'beat' | 'free'; readonly id: string }
  | {
      readonly do: 'update';
      readonly id: string;
      readonly role?: string;
      readonly available?: boolean;
      readonly resting?: boolean;
    }
  | {
      readonly do: 'assign';
      readonly task: string | null;
      readonly role: string | null;
      readonly strict: boolean;
      readonly except: readonly string[];
    }
  | { readonly do: 'clear' }
  | { readonly do: 'wait'; readonly ms: number };

class RosterModel {
  now = 0;
  idles = 0;
  readonly members = new Map<string, ModelMember>();
  /** What is to be seen to, oldest first. */
  departures: string[] = [];

  run(step: RosterStep): string {
    if (step.do === 'wait') this.now += step.ms;
    for (;;) {
      const dead = [...this.members]
        .filter(([, { leaseMs, until }]) => leaseMs !== null && until <= this.now)
        .sort(([, one], [, other]) => one.until - other.until || one.nth - other.nth)[0];
      if (dead === undefined) break;
      this.depart(dead[0], true);
    }
    if (step.do === 'wait') return 'ok';
    if (step.do === 'join') return this.join(step);
    if (step.do === 'assign') return this.assign(step);
    if (step.do === 'clear') {
      this.departures.shift();
      return 'ok';
    }
    const member = this.members.get(step.id);
    if (member === undefined) return step.do === 'leave' || step.do === 'end' ? 'ok' : 'NOT_ON_ROSTER';
    switch (step.do) {
      case 'leave':
      case 'end':
        this.depart(step.id, step.do === 'end');
        return 'ok';
      case 'beat':
        member.until = this.now + (member.leaseMs ?? 0);
        return 'ok';
      case 'free':
        if (member.work === null) return 'NO_SUCH_ASSIGNMENT';
        member.work = null;
        member.idle = ++this.idles;
        return 'ok';
      case 'update': {
        const { role = member.role, available = member.available, resting = member.resting } = step;
        const isBack = (available && !member.available) || (!resting && member.resting);
        Object.assign(member, { role, available, resting, ...(isBack && { idle: ++this.idles }) });
        return 'ok';
      }
    }
  }

  join({ id, role, leaseMs }: Extract<RosterStep, { do: 'join' }>): string {
    const known = this.members.get(id);
    const until = this.now + (known?.leaseMs ?? leaseMs ?? 0);
    if (known !== undefined) known.until = until;
    else {
      this.idles += 1;
      const fresh = { nth: this.idles, resting: false, available: true, idle: this.idles, work: null };
      this.members.set(id, { role, leaseMs, until, ...fresh });
    }
    return known === undefined ? 'joined' : 'known';
  }

  assign({ task, role, strict, except }: Extract<RosterStep, { do: 'assign' }>): string {
    const has = [...this.members].find(([, { work }]) => task !== null && work === task);
    if (has !== undefined) return has[0];
    const idle = [...this.members]
      .filter(([id, one]) => one.work === null && one.available && !one.resting && !except.includes(id))
      .sort(([, a], [, b]) => a.idle - b.idle);
    const chosen =
      idle.find(([, one]) => one.role === role) ?? (strict && role !== null ? undefined : idle[0]);
    if (chosen === undefined) return 'nobody';
    chosen[1].work = task ?? 'words';
    return chosen[0];
  }

  depart(id: string, isEnd: boolean): void {
    const member = this.members.get(id);
    if (member !== undefined && (isEnd || member.work !== null)) this.departures.push(`${id}:${member.work}`);
    this.members.delete(id);
  }

  shown(): string {
    const lines = [...this.members].map(
      ([id, { role, work, leaseMs, until, resting, available }]) =>
        `${id} ${role} ${work} ${leaseMs === null ? '-' : until} ${resting} ${available}`,
    );
    return [...lines.sort(), ...this.departures].join('\n');
  }
}

const id = fc.constantFrom('a', 'b', 'c', '__proto__');
const role = fc.constantFrom('x', 'y', 'constructor');

const step: fc.Arbitrary<RosterStep> = fc.oneof(
  {
    weight: 5,
    arbitrary: fc.record({
      do: fc.constant('join' as const),
      id,
      role,
      leaseMs: fc.option(fc.constantFrom(10, 50)),
    }),
  },
  {
    weight: 5,
    arbitrary: fc.record({
      do: fc.constantFrom(
        'leave' as const,
        'end' as const,
        'beat' as const,
        'free' as const,
        'free' as const,
        'beat' as const,
      ),
      id,
    }),
  },
  {
    weight: 2,
    arbitrary: fc.record(
      { do: fc.constant('update' as const), id, role, available: fc.boolean(), resting: fc.boolean() },
      { requiredKeys: ['do', 'id'] },
    ),
  },
  {
    weight: 6,
    arbitrary: fc.record({
      do: fc.constant('assign' as const),
      task: fc.option(fc.constantFrom('t', 'u'), { freq: 3 }),
      role: fc.option(role),
      strict: fc.boolean(),
      except: fc.uniqueArray(id, { maxLength: 1 }),
    }),
  },
  { weight: 3, arbitrary: fc.record({ do: fc.constant('update' as const), id, role }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('clear' as const) }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constant('wait' as const), ms: fc.constantFrom(1, 7, 60) }) },
);

export const rosterSteps = fc.array(step, { minLength: 4, maxLength: 40, size: 'max' });

function commandOf(step: Exclude<RosterStep, { do: 'wait' }>, state: RosterState): RosterCommand {
  switch (step.do) {
    case 'join': {
      const liveness = step.leaseMs === null ? 'supervised' : 'lease';
      const { id: sessionId, role: as, leaseMs } = step;
      return { type: 'roster.join', sessionId, role: as, liveness, leaseMs: leaseMs ?? 1, resting: false };
    }
    case 'leave':
    case 'end':
      return { type: 'roster.leave', sessionId: step.id, reason: 'r', isEnd: step.do === 'end' };
    case 'beat':
      return { type: 'roster.beat', sessionId: step.id };
    case 'free':
      return { type: 'roster.free', sessionId: step.id, assignment: null, outcome: 'released' };
    case 'update': {
      const { do: _, id: sessionId, ...changes } = step;
      return { type: 'roster.update', sessionId, ...changes };
    }
    case 'assign': {
      const { role: as, strict, except } = step;
      const task = step.task === null ? null : { sessionId: 's', taskId: step.task };
      return { type: 'roster.assign', task, title: null, by: 's', role: as, strict, except };
    }
    case 'clear':
      return { type: 'roster.clear', departure: state.departures[0]?.departure ?? 0 };
  }
}

function answerOf(step: RosterStep, answer: Readonly<Record<string, unknown>> | string): string {
  if (typeof answer === 'string') return answer;
  if (step.do === 'join') return answer.joined === true ? 'joined' : 'known';
  return step.do === 'assign' ? String(answer.member ?? 'nobody') : 'ok';
}

/** Law and model lead one life; throws where they part. */
export function liveRoster(steps: readonly RosterStep[]): LawLife<RosterState, RosterCommand> {
  const life = new LawLife(rosterLaw, rosterStream);
  const model = new RosterModel();
  for (const step of steps) {
    const wanted = model.run(step);
    life.passTime(model.now);
    if (step.do !== 'wait') {
      const found = answerOf(step, life.send(commandOf(step, life.state), model.now));
      if (found !== wanted) throw new Error(`${JSON.stringify(step)} is answered ${found}, not ${wanted}`);
    }
    const [is, should] = [shownState(life.state), model.shown()];
    if (is !== should) throw new Error(`after ${JSON.stringify(step)}\n${is}\nis not\n${should}`);
    const leases = listMembers(life.state).flatMap(({ leaseUntil }) => leaseUntil ?? []);
    const next = leases.length === 0 ? null : Math.min(...leases);
    if (life.law.nextDeadline(life.state) !== next) throw new Error('the next deadline is another');
  }
  life.assertReplays();
  const read = life.law.decode(life.law.encode(life.state));
  const [one, other] = [life.state, read].map(
    (state) =>
      (
        life.law.decide(
          state,
          commandOf({ do: 'assign', task: null, role: 'x', strict: false, except: [] }, state),
          model.now,
          0,
        ) as { reply?: { member?: string } }
      ).reply?.member,
  );
  if (one !== other) throw new Error(`${one} is next, after reading its text ${other}`);
  return life;
}

function shownState(state: RosterState): string {
  const lines = listMembers(state).map((one) => {
    const work = one.work === null ? null : (one.work.task?.taskId ?? 'words');
    return `${one.sessionId} ${one.role} ${work} ${one.leaseUntil ?? '-'} ${one.resting} ${one.available}`;
  });
  if (listMembers(state).filter(isFree).length > 0 !== (state.idle !== null))
    throw new Error('the row of the idle is another');
  const left = state.departures.map(
    ({ sessionId, work }) => `${sessionId}:${work === null ? null : (work.task?.taskId ?? 'words')}`,
  );
  return [...lines.sort(), ...left].join('\n');
}
