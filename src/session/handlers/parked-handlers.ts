// Operations on parked events: what is asked for is tried in a process of its own, then in this one, and written only when all of
// the session can be folded so. They work on a quarantined session too.
import { HoldfastError, toError } from '../../base/errors.ts';
import type { ParkedCommand, ParkedData } from '../../domain/recovery/parked-law.ts';
import { sessionLaw, sessionStream } from '../../domain/session/session-law.ts';
import { hydrate } from '../../entity/hydrate.ts';
import type { Journal } from '../../journal/journal.ts';
import { type Parkings, replayingWith } from '../../journal/replay-guard.ts';
import type { Call, Handlers } from '../../operations/bind.ts';
import type { ParsedInputOf } from '../../operations/registry.ts';
import type { ParkingAnswer } from '../../operations/views/parked-views.ts';
import { parkingsOf } from '../../recovery/parked/parked-events.ts';
import { editedData, notGood } from './edited-event.ts';
import type { ReadingContext } from './handler-context.ts';

export type ParkedOperation = `recovery.${'parked' | 'park' | 'unpark'}`;

export function parkedHandlers(context: ReadingContext): Handlers<ParkedOperation> {
  const { parked, keeper } = context.recovery.replay;
  return {
    'recovery.parked': async ({ sessionId }) => {
      await headOf(context, sessionId);
      const damage = parked.damageOf(sessionId);
      if (damage !== undefined) throw damage;
      const blocked = !keeper.mayWake(sessionId);
      return { sessionId, events: parked.list(sessionId), blocked };
    },
    'recovery.park': (input, call) => once(context, input.sessionId, call, () => park(context, input, call)),
    'recovery.unpark': (input, call) =>
      once(context, input.sessionId, call, () => unpark(context, input, call)),
  };
}

/** A caller that asks again has the answer of the first time. */
async function once(
  { recovery }: ReadingContext,
  sessionId: string,
  call: Call,
  job: () => Promise<ParkingAnswer>,
): Promise<ParkingAnswer> {
  const { parked } = recovery.replay;
  const known = await parked.repeat(sessionId, call);
  if (known === undefined) return job();
  const { event } = known as unknown as Pick<ParkingAnswer, 'event'>;
  return { sessionId, event, parked: seqsOf(parked.list(sessionId)), repeated: true };
}

async function park(
  context: ReadingContext,
  { sessionId, seq, action, data, reason }: ParsedInputOf<'recovery.park'>,
  call: Call,
): Promise<ParkingAnswer> {
  const { journal, clock } = context;
  const { firstSeq, seq: last } = await headOf(context, sessionId);
  if (seq < firstSeq || seq > last) throw new HoldfastError('EVENT_NOT_FOUND', { sessionId, event: seq });
  const { events, chain: hash = '' } = await journal.readFrom(sessionStream(sessionId), seq - 1, {
    limit: 1,
  });
  const [recorded] = events;
  if (recorded === undefined) throw new HoldfastError('EVENT_NOT_FOUND', { sessionId, event: seq });
  const edited = action === 'edit' ? { data: editedData(recorded, data) } : {};
  if (action === 'skip' && data !== undefined) throw notGood('data', 'what is skipped has none');
  const event: ParkedData = { seq, hash, action, ...edited, by: call.by ?? null, reason };
  const others = context.recovery.replay.parked.list(sessionId).filter((known) => known.seq !== seq);
  const command = { type: 'parked.park', events: [event], askedAt: clock.now() } as const;
  return change(context, sessionId, seq, [...others, event], command, call);
}

async function unpark(
  context: ReadingContext,
  { sessionId, seq }: ParsedInputOf<'recovery.unpark'>,
  call: Call,
): Promise<ParkingAnswer> {
  await headOf(context, sessionId);
  const known = context.recovery.replay.parked.list(sessionId);
  const others = known.filter((event) => event.seq !== seq);
  if (others.length === known.length) throw new HoldfastError('NOT_PARKED', { sessionId, seq });
  const askedAt = context.clock.now();
  const command = { type: 'parked.unpark', seq, by: call.by ?? null, askedAt } as const;
  return change(context, sessionId, seq, others, command, call);
}

/** Nothing is written before all of it could be folded, and nothing of the session is in memory meanwhile. */
async function change(
  context: ReadingContext,
  sessionId: string,
  event: number,
  wanted: readonly ParkedData[],
  command: ParkedCommand,
  call: Call,
): Promise<ParkingAnswer> {
  const { manager, journal, past } = context;
  const { parked, keeper, trials } = context.recovery.replay;
  const parkings = parkingsOf(wanted);
  const verdict = await trials.try(sessionId, parkings);
  if (!verdict.ok) throw failed(sessionId, event, verdict.seq, verdict.problem);
  await manager.aside(sessionId, async () => {
    await foldHere(journal, sessionId, event, parkings);
    await parked.send(sessionId, command, call);
    past.forget(sessionId);
    keeper.acquit(sessionId);
  });
  return { sessionId, event, parked: seqsOf(parked.list(sessionId)) };
}

/** Events may have come since it was tried; what is suspected of this process was folded by another. */
async function foldHere(
  journal: Journal,
  sessionId: string,
  event: number,
  parkings: Parkings,
): Promise<void> {
  const stream = sessionStream(sessionId);
  const source = {
    head: (of: string) => journal.head(of),
    readFrom: journal.readFrom.bind(journal),
    snapshots: (of: string) => journal.snapshots(of),
    guard: replayingWith(() => parkings),
  };
  try {
    await hydrate(sessionLaw, stream, source, () => {});
  } catch (thrown) {
    const error = toError(thrown);
    const seq = HoldfastError.is(error) ? Number(error.details.seq ?? event) : event;
    throw failed(sessionId, event, seq, error.message, error);
  }
}

async function headOf({ journal }: ReadingContext, sessionId: string) {
  const head = await journal.head(sessionStream(sessionId));
  if (head === undefined || head.status === 'deleted')
    throw new HoldfastError('SESSION_NOT_FOUND', { sessionId });
  // In memory alone there is no record whose hash could be named.
  if (head.chain === String(head.seq)) throw new HoldfastError('NOT_JOURNALED', { sessionId });
  return head;
}

const seqsOf = (events: readonly { readonly seq: number }[]): readonly number[] =>
  events.map(({ seq }) => seq);

const failed = (
  sessionId: string,
  event: number,
  seq: number,
  problem: string,
  cause?: Error,
): HoldfastError =>
  new HoldfastError('PARKING_FAILED', { sessionId, event, seq, problem }, cause && { cause });
