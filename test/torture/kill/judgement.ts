// What was asked and answered, against what the store holds: who reads it makes no difference.
import { changesStatus, eventTypeOf, holdsOrder, type Order, type SeenEvent } from './order.ts';
import type { Entry } from './order-book.ts';
import type { Reading } from './store-reading.ts';

export const faults = ['lost', 'doubled', 'gaps', 'altered', 'out of order'] as const;
export type Fault = (typeof faults)[number];

export interface Judgement {
  readonly events: number;
  readonly found: Readonly<Record<Fault, readonly string[]>>;
  readonly isSound: boolean;
}

interface Hit extends SeenEvent {
  readonly sessionId: string;
}

export function judge(entries: ReadonlyMap<string, Entry>, { sessions, problems }: Reading): Judgement {
  const found: Record<Fault, string[]> = {
    lost: [],
    doubled: [],
    gaps: [],
    altered: [...problems],
    'out of order': [],
  };
  const hits = new Map<string, Hit[]>();
  let events = 0;
  for (const [sessionId, seen] of sessions) {
    events += seen.length;
    found.gaps.push(...gapsIn(sessionId, seen));
    found['out of order'].push(...disorderIn(sessionId, seen, entries));
    for (const event of seen) {
      const order = event.key === undefined ? undefined : entries.get(event.key)?.order;
      if (event.key !== undefined && order === undefined)
        found.altered.push(`event ${event.seq} of ${sessionId} is of ${event.key}, which nobody has asked`);
      if (event.key === undefined || order === undefined || event.type !== eventTypeOf(order)) continue;
      const ofOrder = hits.get(event.key);
      if (ofOrder === undefined) hits.set(event.key, [{ ...event, sessionId }]);
      else ofOrder.push({ ...event, sessionId });
    }
  }
  for (const [key, entry] of entries) judgeOrder(key, entry, hits.get(key) ?? [], sessions, found);
  return { events, found, isSound: faults.every((fault) => found[fault].length === 0) };
}

function judgeOrder(
  key: string,
  { order, outcome }: Entry,
  hits: readonly Hit[],
  sessions: Reading['sessions'],
  found: Record<Fault, string[]>,
): void {
  const what = `${key} (${order.call.operation})`;
  const times = timesOf(order, hits);
  if (times > 1) found.doubled.push(`${what} is there ${times} times`);
  if (hits.some((hit) => !isOf(order, hit))) found.altered.push(`${what} is not as it was asked`);
  if (outcome === undefined) return;
  if ('code' in outcome) {
    if (hits.length > 0) found.altered.push(`${what} was refused with ${outcome.code} and is there`);
    return;
  }
  const { seq = 0, sessionId = sessionOf(order), status } = outcome.answer;
  if (changesStatus(order)) {
    const now = statusAt(sessions.get(sessionId) ?? [], seq);
    if (now !== status) found.lost.push(`${what} was answered ${status} at ${seq}, the status is ${now}`);
  } else if (hits.length === 0) {
    found.lost.push(`${what} was acknowledged at ${seq} of ${sessionId}`);
  } else if (!hits.some((hit) => hit.seq === seq && hit.sessionId === sessionId)) {
    const [{ seq: at = 0, sessionId: of = '' } = {}] = hits;
    found.altered.push(`${what} was acknowledged at ${seq} of ${sessionId} and is at ${at} of ${of}`);
  }
}

/** One change of status may take two steps: a session that was paused before it was hibernated is resumed through paused. */
function timesOf(order: Order, hits: readonly Hit[]): number {
  const [first] = hits;
  if (first === undefined || !changesStatus(order)) return hits.length;
  return hits.filter((hit) => hit.sessionId !== first.sessionId || hit.seq !== first.seq + 1).length;
}

function isOf(order: Order, hit: Hit): boolean {
  const asked = sessionOf(order);
  return holdsOrder(order, hit.data) && (asked === '' || asked === hit.sessionId);
}

function sessionOf({ call }: Order): string {
  return call.input.sessionId ?? '';
}

function gapsIn(sessionId: string, events: readonly SeenEvent[]): string[] {
  return events.flatMap(({ seq }, index) =>
    seq === index + 1 ? [] : [`event ${index + 1} of ${sessionId} has the seq ${seq}`],
  );
}

/**
 * The messages of each client stand in the order in which it has sent them. One that was refused while the session was
 * paused, and whose refusal was lost with the process, is decided anew when it is asked again: it may come later.
 */
function disorderIn(
  sessionId: string,
  events: readonly SeenEvent[],
  entries: ReadonlyMap<string, Entry>,
): string[] {
  const newest = new Map<number, number>();
  const problems: string[] = [];
  for (const { seq, type, key = '' } of events) {
    const order = type === 'message.sent' ? entries.get(key)?.order : undefined;
    if (order === undefined) continue;
    const before = newest.get(order.client) ?? 0;
    if (order.number < before && !mayHaveBeenRefused(order, seq, events, entries))
      problems.push(`${key} at ${seq} of ${sessionId} is too late`);
    newest.set(order.client, Math.max(before, order.number));
  }
  return problems;
}

/** True when the session was paused between the client's message before it and the one that has overtaken it. */
function mayHaveBeenRefused(
  { client, number }: Order,
  seq: number,
  events: readonly SeenEvent[],
  entries: ReadonlyMap<string, Entry>,
): boolean {
  const placesOf = (isMeant: (other: Order) => boolean): number[] =>
    events.flatMap((event) => {
      const other = event.type === 'message.sent' ? entries.get(event.key ?? '')?.order : undefined;
      return event.seq < seq && other?.client === client && isMeant(other) ? [event.seq] : [];
    });
  const from = placesOf((other) => other.number < number).at(-1) ?? 0;
  const [to = 0] = placesOf((other) => other.number > number);
  return events.some(
    (event) =>
      event.seq > from &&
      event.seq < to &&
      event.type === 'session.statusChanged' &&
      (event.data as { readonly to?: string }).to === 'paused',
  );
}

function statusAt(events: readonly SeenEvent[], seq: number): string | undefined {
  const change = events.findLast((event) => event.seq <= seq && event.type === 'session.statusChanged');
  return (change?.data as { readonly to?: string } | undefined)?.to;
}
