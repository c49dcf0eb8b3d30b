// Packages stay in the journal of the session that was offered; here they are read, and what they refer to is proven.
import { HoldfastError } from '../../base/errors.ts';
import { sha256 } from '../../base/hash.ts';
import type { ContextReference, Handoff } from '../../domain/handoff/handoff.ts';
import { sourceOf } from '../../domain/handoff/handoff.ts';
import type { OfferedData } from '../../domain/handoff/handoff-events.ts';
import { sessionLaw, sessionStream } from '../../domain/session/session-law.ts';
import { stateAt } from '../../entity/state-at.ts';
import type { Journal } from '../../journal/journal.ts';
import type { HandoffDetails } from '../../operations/views/handoff-views.ts';
import { handoffInfo } from './handoff-info.ts';

/** What was offered at a seq; undefined once it was erased, or cannot be read any more. */
export async function offeredAt(
  journal: Pick<Journal, 'head' | 'readFrom'>,
  stream: string,
  seq: number,
): Promise<OfferedData | undefined> {
  const head = await journal.head(stream);
  if (head === undefined || seq < head.firstSeq) return undefined;
  const { events } = await journal.readFrom(stream, seq - 1, { limit: 1 });
  const [event] = events;
  return event?.type === 'handoff.offered' ? (event.data as OfferedData | undefined) : undefined;
}

export async function handoffDetails(journal: Journal, handoff: Handoff): Promise<HandoffDetails> {
  const offered = await offeredAt(journal, sessionStream(sourceOf(handoff.handoffId)), handoff.seq);
  const context = offered?.package.context;
  return {
    ...handoffInfo(handoff),
    package: offered?.package ?? null,
    chainHead: context === undefined ? null : await chainHeadAt(journal, context),
  };
}

async function chainHeadAt(journal: Journal, { stream, seq }: ContextReference): Promise<string | null> {
  try {
    return (await journal.readFrom(stream, seq - 1, { limit: 1 })).chain ?? null;
  } catch (error) {
    if (HoldfastError.is(error, 'HISTORY_TRIMMED')) return null;
    throw error;
  }
}

/**
 * Reads the version that the package refers to, link by link up to the offer.
 *
 * @throws HoldfastError `HANDOFF_MISMATCH` when it is another than the one that was offered.
 */
export async function proveContext(
  journal: Journal,
  { handoffId, seq, digest }: Handoff,
  signal?: AbortSignal,
): Promise<void> {
  const stream = sessionStream(sourceOf(handoffId));
  const mismatch = (problem: string): HoldfastError =>
    new HoldfastError('HANDOFF_MISMATCH', { handoffId, problem });
  const offered = await offeredAt(journal, stream, seq);
  if (offered === undefined) throw mismatch('the package was erased');
  if (sha256(JSON.stringify(offered.package)) !== digest)
    throw mismatch('the package is not what was offered');
  const { context } = offered.package;
  const head = await journal.head(stream);
  if (head === undefined) throw mismatch('the session is gone');
  const { state, chain } = await stateAt(sessionLaw, journal, head, context.seq, signal);
  await journal.readFrom(stream, context.seq, { limit: 1, ...(chain !== undefined && { chain }) });
  const isComparable = context.lawVersion === sessionLaw.version;
  if (isComparable && sha256(sessionLaw.encode(state)) !== context.stateHash)
    throw mismatch(`the session at ${context.seq} is not what it was`);
}
