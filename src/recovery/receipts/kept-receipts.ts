// How many receipts a stream keeps: the newest, behind a snapshot that holds the totals of all that there ever were.
import { toError } from '../../base/errors.ts';
import type { Telemetry } from '../../base/telemetry.ts';
import type { Journal } from '../../journal/journal.ts';

/** Of each session, and of the starts of a system. */
const mostReceipts = 1_000;

/** So many more may gather before the oldest go, so that not every receipt is one trim. */
const slack = 0.1;

/** Done again with the next receipt where it does not work out. */
export async function trimReceipts(
  { journal, telemetry }: { readonly journal: Journal; readonly telemetry: Telemetry },
  stream: string,
  keep = mostReceipts,
): Promise<void> {
  try {
    const head = await journal.head(stream);
    if (head === undefined || head.seq - head.firstSeq + 1 <= keep * (1 + slack)) return;
    const through = Math.min(head.seq - keep, (await oldestSnapshot(journal, stream)) - 1);
    if (through >= head.firstSeq) await journal.trim(stream, through);
  } catch (error) {
    telemetry('recovery.trimFailed', { stream, problem: toError(error).message });
  }
}

async function oldestSnapshot(journal: Journal, stream: string): Promise<number> {
  let oldest = 0;
  for await (const { seq } of journal.snapshots(stream)) oldest = seq;
  return oldest;
}
