// What a replay campaign met: every command, refusal, edge and event, counted, so that none of them is missed silently.
import type { SessionCommand } from '../../src/domain/session/session-commands.ts';
import type { StatusChange } from '../../src/domain/session/session-lifecycle.ts';
import { type SessionState, statusOf } from '../../src/domain/session/session-state.ts';
import type { Outcome } from '../support/session-life.ts';
import { commandTypes } from './random-moves.ts';

/** Exactly these are lawful. */
const edges = [
  ...['initializing > active', 'initializing > terminated'],
  ...['active > idle', 'active > paused', 'active > dormant', 'active > terminating'],
  ...['idle > active', 'idle > paused', 'idle > dormant', 'idle > terminating'],
  ...['paused > active', 'paused > dormant', 'paused > terminating'],
  ...['dormant > active', 'dormant > paused', 'dormant > terminating'],
  ...['terminating > terminated', 'terminated > archived', 'archived > deleted'],
];

const refusals = [
  ...['SESSION_NOT_FOUND', 'SESSION_EXISTS', 'SESSION_NOT_ACTIVE', 'INVALID_TRANSITION', 'AT_CAPACITY'],
  ...['KEY_NOT_FOUND', 'FILE_NOT_FOUND', 'MESSAGE_NOT_FOUND', 'TOO_LARGE'],
  ...['UNKNOWN_EVENT_TYPE', 'MISSING_EVENT_FIELD', 'INVALID_EVENT_FIELD'],
  ...['AGENT_NOT_FOUND', 'AGENT_RUN_EXISTS', 'STALE_INCARNATION', 'CHECKPOINT_NOT_FOUND'],
  ...['AGENT_RUN_ENDED', 'SIGNAL_UNADDRESSED'],
  ...['HANDOFF_NOT_FOUND', 'HANDOFF_PENDING', 'HANDOFF_SETTLED', 'HANDOFF_NOT_DELIVERED'],
  ...['HANDOFF_NOT_ADDRESSED', 'HANDOFF_MISMATCH'],
];

const events = [
  ...['session.statusChanged', 'session.created', 'session.configured', 'session.terminated'],
  ...['session.restored', 'message.sent', 'message.pinned', 'message.unpinned', 'conversation.cleared'],
  ...['file.added', 'file.removed', 'file.indexed', 'memory.updated', 'memory.deleted'],
  ...[
    'llm.responded',
    'analysis.completed',
    'issue.found',
    'tool.called',
    'tool.returned',
    'context.updated',
  ],
  ...['agent.started', 'agent.restarted', 'agent.crashed'],
  ...['agent.completed', 'agent.failed', 'agent.stopped'],
  ...['agent.rateLimited', 'agent.settled', 'agent.usageReported', 'agent.parked'],
  ...['step.completed', 'step.failed', 'effect.started', 'effect.unknown', 'timer.set', 'timer.fired'],
  ...['wait.started', 'wait.signaled', 'wait.expired', 'signal.received'],
  ...['checkpoint.created', 'checkpoint.deleted', 'session.rolledBack', 'session.merged'],
  ...['handoff.offered', 'handoff.accepted', 'handoff.rejected', 'handoff.withdrawn', 'handoff.expired'],
  ...['handoff.delivered', 'handoff.completed', 'handoff.returned', 'handoff.received'],
];

const expected = [
  ...commandTypes.map((type) => `command ${type}`),
  ...refusals.map((code) => `refusal ${code}`),
  ...edges.map((edge) => `edge ${edge}`),
  ...events.map((type) => `event ${type}`),
];

export class Tally {
  commands = 0;
  lawful = 0;
  events = 0;
  erasures = 0;
  readonly #broken = new Set<string>();
  readonly #counts = new Map<string, number>(expected.map((name) => [name, 0]));

  readonly observe = (command: SessionCommand, before: SessionState, outcome: Outcome): void => {
    this.commands += 1;
    if ('refusal' in outcome) {
      this.#count(`refusal ${outcome.refusal.code}`);
      return;
    }
    this.lawful += 1;
    this.#count(`command ${command.type}`);
    let status: string = statusOf(before);
    for (const { type, data } of outcome.events) {
      this.events += 1;
      this.#count(`event ${type}`);
      if (type === 'session.restored') status = 'initializing';
      if (type !== 'session.statusChanged') continue;
      const { from, to } = data as StatusChange;
      if (from !== status) this.#broken.add(`${command.type} says that it left ${from}, and left ${status}`);
      this.#count(`edge ${from} > ${to}`);
      status = to;
    }
  };

  /** What must not occur and did, and what must occur and did less than `atLeast` times. */
  broken(atLeast: number): readonly string[] {
    const rare = [...this.#counts].filter(([, count]) => count < atLeast);
    return [
      ...this.#broken,
      ...rare.map(([name, count]) => `${name} occurred ${count} times, ${atLeast} are wanted`),
      ...(this.lawful * 2 < this.commands ? ['less than half of the commands were lawful'] : []),
    ];
  }

  /** Commands are counted when they are taken. */
  rows(): [label: string, value: number][] {
    return [...this.#counts];
  }

  #count(name: string): void {
    const count = this.#counts.get(name);
    if (count === undefined) this.#broken.add(`${name} occurred, and there is no such thing`);
    this.#counts.set(name, (count ?? 0) + 1);
  }
}
