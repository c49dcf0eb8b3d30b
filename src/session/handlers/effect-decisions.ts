// What became of the effects that a receipt calls unknown: the decisions that their policy has made since, read from the journal of
// the session. A receipt is written before its agents run again, and is never written anew.
import { HoldfastError } from '../../base/errors.ts';
import type { UnknownDecision } from '../../domain/agent/agent-step-events.ts';
import type { RecoveryReceipt } from '../../domain/recovery/recovery-vocabulary.ts';
import type { SessionEventData } from '../../domain/session/session-events.ts';
import { sessionStream } from '../../domain/session/session-law.ts';
import type { Journal, StoredEvent } from '../../journal/journal.ts';

/** An agent comes back to an open effect as soon as it has gone through its finished steps: so many events are looked at. */
const lookedAt = 1_000;
const pageEvents = 250;

const endings: ReadonlySet<string> = new Set(['agent.completed', 'agent.failed', 'agent.stopped']);

/** The receipt, with the decision behind each effect that it names and of which one was found. */
export async function withDecisions(
  journal: Pick<Journal, 'readFrom'>,
  receipt: RecoveryReceipt,
): Promise<RecoveryReceipt> {
  const { effects } = receipt;
  if (effects === undefined) return receipt;
  const found = await decisionsBehind(journal, receipt, effects.first);
  const first = effects.first.map((effect) => {
    const decision = found.get(effect.startedSeq);
    return decision === undefined ? effect : { ...effect, decision };
  });
  return { ...receipt, effects: { ...effects, first } };
}

type Named = NonNullable<RecoveryReceipt['effects']>['first'];

async function decisionsBehind(
  journal: Pick<Journal, 'readFrom'>,
  { sessionId, headSeq }: RecoveryReceipt,
  effects: Named,
): Promise<ReadonlyMap<number, UnknownDecision>> {
  const found = new Map<number, UnknownDecision>();
  const open = new Map(effects.map(({ startedSeq, runId }) => [startedSeq, runId]));
  for (let after = headSeq; open.size > 0 && after < headSeq + lookedAt; ) {
    const events = await readable(journal, sessionStream(sessionId), after);
    for (const event of events) note(event, open, found);
    if (events.length === 0) break;
    after = events.at(-1)?.seq ?? after;
  }
  return found;
}

/** A run that has ended decides nothing any more. */
function note({ type, data }: StoredEvent, open: Map<number, string>, found: Map<number, UnknownDecision>) {
  if (type === 'effect.unknown' && data !== undefined) {
    const { startedSeq, decision } = data as SessionEventData['effect.unknown'];
    if (open.delete(startedSeq)) found.set(startedSeq, decision);
  } else if (endings.has(type)) {
    const { runId } = (data ?? {}) as { readonly runId?: string };
    for (const [seq, of] of open) if (of === runId) open.delete(seq);
  }
}

/** What is trimmed or damaged says nothing of them, and the receipt stands without it. */
async function readable(
  journal: Pick<Journal, 'readFrom'>,
  stream: string,
  after: number,
): Promise<readonly StoredEvent[]> {
  try {
    return (await journal.readFrom(stream, after, { limit: pageEvents })).events;
  } catch (error) {
    if (HoldfastError.is(error, 'HISTORY_TRIMMED') || HoldfastError.is(error, 'JOURNAL_CORRUPT')) return [];
    throw error;
  }
}
