// The condition of a session: recovering or quarantined, in a stream of its own, for a damaged stream cannot record its own
// damage. It is laid over the session's status and is no state of the session's law.
import { type Decision, type Law, type LawEvent, type Refusal, refuse } from '../law.ts';
import type { RecordedError } from '../recorded-error.ts';

/** `recovering`: its actors failed and are about to be started again. `quarantined`: it is read, but takes no writes. */
export const conditionKinds = ['recovering', 'quarantined'] as const;
export type ConditionKind = (typeof conditionKinds)[number];

export interface ConditionSet {
  readonly condition: ConditionKind;
  readonly reason: string;
  readonly error: RecordedError | null;
  /** How often the session was started again before. */
  readonly restarts: number;
}

export interface ConditionCleared {
  readonly condition: ConditionKind;
  readonly reason: string;
}

/** A condition that stands; `since` is when a condition of this kind was first set. */
export interface StandingCondition extends ConditionSet {
  readonly since: number;
}

export interface ConditionState {
  readonly sessionId: string;
  readonly current: StandingCondition | null;
  /** The time of the newest event: the next is no older. */
  readonly changedAt: number;
}

/** `askedAt` is when it was asked for, which the disk may have kept waiting. */
export type ConditionCommand =
  | (ConditionSet & { readonly type: 'condition.set'; readonly askedAt: number })
  | {
      readonly type: 'condition.clear';
      /** Clears this condition only; any, when it is not given. */
      readonly condition?: ConditionKind;
      readonly reason: string;
      readonly askedAt: number;
      /** Where the session stands: part of the reply, which a repeat has from the record. */
      readonly sessionSeq?: number;
    };

export const conditionLaw: Law<ConditionState, ConditionCommand> = {
  kind: 'condition',
  version: 1,
  eventVersions: {},
  initial: startOf,
  tombstone: startOf,
  decide: decideCondition,
  evolve: evolveCondition,
  explain: explainRefusal,
  due: () => undefined,
  nextDeadline: () => null,
  summarize: ({ current }) => ({
    status: current?.condition ?? 'clear',
    dueAt: null,
    summary: current === null ? {} : summaryOf(current),
  }),
  encode: (state) => JSON.stringify(state),
  decode: (text) => JSON.parse(text) as ConditionState,
};

export const conditionStream = (sessionId: string): string => `${conditionLaw.kind}/${sessionId}`;

function startOf(stream: string): ConditionState {
  return { sessionId: stream.slice(stream.indexOf('/') + 1), current: null, changedAt: 0 };
}

/** The reply names the condition that stands then: it is not always the one that was asked for. */
function decideCondition({ current, changedAt }: ConditionState, command: ConditionCommand): Decision {
  const at = Math.max(command.askedAt, changedAt);
  const stands = current?.condition ?? null;
  if (command.type === 'condition.clear') {
    const { condition = stands, reason, sessionSeq } = command;
    const place = sessionSeq === undefined ? {} : { sessionSeq };
    if (condition === null || condition !== stands)
      return { events: [], reply: { condition: stands, ...place } };
    return {
      events: [{ type: 'condition.cleared', data: { condition, reason }, at }],
      reply: { condition: null, ...place },
    };
  }
  const { condition, reason, error, restarts } = command;
  const data: ConditionSet = { condition, reason, error, restarts };
  if (current !== null && (isWeaker(data, current) || isSame(data, current)))
    return { events: [], reply: { condition: stands } };
  return { events: [{ type: 'condition.set', data, at }], reply: { condition } };
}

/** Whoever quarantined a session had a reason that a restart does not refute. */
const isWeaker = (next: ConditionSet, current: ConditionSet): boolean =>
  next.condition === 'recovering' && current.condition === 'quarantined';

function isSame(next: ConditionSet, current: ConditionSet): boolean {
  return (
    next.condition === current.condition &&
    next.reason === current.reason &&
    next.restarts === current.restarts &&
    isSameError(next.error, current.error)
  );
}

function isSameError(a: RecordedError | null, b: RecordedError | null): boolean {
  return a?.name === b?.name && a?.message === b?.message && a?.code === b?.code;
}

function evolveCondition(state: ConditionState, { type, at, data }: LawEvent): ConditionState | undefined {
  const { sessionId, current } = state;
  if (type === 'condition.set') {
    const next = data as ConditionSet;
    if (current !== null && isWeaker(next, current)) return undefined;
    const since = current?.condition === next.condition ? current.since : at;
    return { sessionId, current: { ...next, since }, changedAt: at };
  }
  const cleared = type === 'condition.cleared' && (data as ConditionCleared).condition;
  return cleared && cleared === current?.condition ? { sessionId, current: null, changedAt: at } : undefined;
}

function explainRefusal({ sessionId, current }: ConditionState, { type }: { type: string }): Refusal {
  const from = current?.condition ?? 'clear';
  return refuse('INVALID_TRANSITION', { sessionId, from, to: type, hint: 'its law has no such step' })
    .refusal;
}

/** All that is shown of a condition: a boot reads it from the head, and nothing else. */
interface ConditionSummary {
  readonly [key: string]: string | number | null;
  readonly reason: string;
  readonly restarts: number;
  readonly since: number;
  readonly errorName: string | null;
  readonly errorMessage: string | null;
  readonly errorCode: string | null;
}

function summaryOf({ reason, restarts, since, error }: StandingCondition): ConditionSummary {
  const { name = null, message = null, code = null } = error ?? {};
  return { reason, restarts, since, errorName: name, errorMessage: message, errorCode: code };
}

/** The condition that the head of a stream tells of, if one stands. */
export function conditionOfHead(head: {
  readonly status: string;
  readonly summary: unknown;
}): StandingCondition | undefined {
  const condition = conditionKinds.find((kind) => kind === head.status);
  if (condition === undefined) return undefined;
  const { reason, restarts, since, errorName, errorMessage, errorCode } = head.summary as ConditionSummary;
  const error =
    errorName === null
      ? null
      : { name: errorName, message: errorMessage ?? '', ...(errorCode !== null && { code: errorCode }) };
  return { condition, reason, error, restarts, since };
}
