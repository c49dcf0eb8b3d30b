// The parked events of one session, in a stream of their own: which of its events a replay leaves out or takes with another
// payload, who said so, and why. The session's records are never touched.
import { type Decision, type Law, type LawEvent, refuse } from '../law.ts';

export const parkingActions = ['skip', 'edit'] as const;

/** The data of `event.parked`. */
export interface ParkedData {
  readonly seq: number;
  /** The hash of the record. */
  readonly hash: string;
  readonly action: (typeof parkingActions)[number];
  /** The payload that stands for the recorded one; of an edit alone. */
  readonly data?: unknown;
  readonly by: string | null;
  readonly reason: string;
}

/** The data of `event.unparked`. */
export interface UnparkedData {
  readonly seq: number;
  readonly by: string | null;
}

/** The data of `parked.recovered`: the list from here on, as far as it could be read where its stream was damaged. */
export interface ParkingsRecovered {
  readonly parked: readonly ParkedEvent[];
  /** Records of the list that could not be read; null where nobody knows how many there were. */
  readonly unreadable: number | null;
  readonly by: string | null;
}

/** An event that is parked. */
export interface ParkedEvent extends ParkedData {
  readonly at: number;
}

export interface ParkedState {
  readonly sessionId: string;
  /** In the order of their seqs. */
  readonly parked: readonly ParkedEvent[];
  readonly changedAt: number;
}

export type ParkedCommand =
  | { readonly type: 'parked.park'; readonly events: readonly ParkedData[]; readonly askedAt: number }
  | {
      readonly type: 'parked.unpark';
      readonly seq: number;
      readonly by: string | null;
      readonly askedAt: number;
    }
  | { readonly type: 'parked.recover'; readonly found: ParkingsRecovered; readonly askedAt: number };

/** So many events of one session may be parked. */
const mostParked = 100;

export const parkedLaw: Law<ParkedState, ParkedCommand> = {
  kind: 'parked',
  version: 1,
  eventVersions: {},
  initial: startOf,
  tombstone: startOf,
  decide: decideParked,
  evolve: evolveParked,
  carriesState: ({ type }) => type === 'parked.recovered',
  explain: ({ sessionId }, { type }) =>
    refuse('INVALID_TRANSITION', { sessionId, from: 'parked', to: type, hint: 'its law has no such step' })
      .refusal,
  due: () => undefined,
  nextDeadline: () => null,
  summarize: ({ parked }) => ({
    status: parked.length === 0 ? 'clear' : 'parked',
    dueAt: null,
    summary: { events: parked.length },
  }),
  encode: (state) => JSON.stringify(state),
  decode: (text) => JSON.parse(text) as ParkedState,
};

export const parkedStream = (sessionId: string): string => `${parkedLaw.kind}/${sessionId}`;

function startOf(stream: string): ParkedState {
  return { sessionId: stream.slice(stream.indexOf('/') + 1), parked: [], changedAt: 0 };
}

/** What is parked once more is parked anew. */
function decideParked({ sessionId, parked, changedAt }: ParkedState, command: ParkedCommand): Decision {
  const at = Math.max(command.askedAt, changedAt);
  if (command.type === 'parked.recover')
    return { events: [{ type: 'parked.recovered', data: command.found, at }], reply: {} };
  if (command.type === 'parked.unpark') {
    const { seq, by } = command;
    if (parked.every((known) => known.seq !== seq)) return refuse('NOT_PARKED', { sessionId, seq });
    const data: UnparkedData = { seq, by };
    return { events: [{ type: 'event.unparked', data, at }], reply: { event: seq } };
  }
  const { events } = command;
  const size = new Set([...parked, ...events].map(({ seq }) => seq)).size;
  if (size > mostParked)
    return refuse('AT_CAPACITY', { sessionId, what: 'list of parked events', size, limit: mostParked });
  return {
    events: events.map((data) => ({ type: 'event.parked', data, at })),
    reply: { event: events.at(-1)?.seq },
  };
}

function evolveParked(state: ParkedState, { type, data, at }: LawEvent): ParkedState | undefined {
  if (type === 'parked.recovered')
    return { ...state, parked: (data as ParkingsRecovered).parked, changedAt: at };
  if (type !== 'event.parked' && type !== 'event.unparked') return undefined;
  const { seq } = data as ParkedData | UnparkedData;
  const others = state.parked.filter((known) => known.seq !== seq);
  if (type === 'event.unparked')
    return others.length === state.parked.length ? undefined : { ...state, parked: others, changedAt: at };
  const parked = [...others, { ...(data as ParkedData), at }].sort((a, b) => a.seq - b.seq);
  return { ...state, parked, changedAt: at };
}
