// The receipts of the starts, newest first, a page at a time: read from the end of their stream backwards.
import { HoldfastError } from '../base/errors.ts';
import { bootStream } from '../domain/recovery-boot-law.ts';
import type { BootReceipt } from '../domain/recovery-vocabulary.ts';
import type { Head, Journal, StoredEvent } from '../journal/journal.ts';

export interface BootPage {
  readonly items: readonly BootReceipt[];
  readonly cursor?: string;
  /** All that there ever were. */
  readonly total: number;
  readonly keptSince: number | null;
}

const chunk = 50;

export async function pageOfBoots(journal: Journal, limit: number, cursor?: string): Promise<BootPage> {
  const below = parseCursor(cursor);
  const head = await journal.head(bootStream);
  if (head === undefined) return { items: [], total: 0, keptSince: null };
  const { boots: total = 0 } = (head.summary ?? {}) as { readonly boots?: number };
  const items: BootReceipt[] = [];
  const page = { items, total, keptSince: await keptSince(journal, head) };
  let last = 0;
  for await (const { seq, data } of backwards(journal, head, Math.min(below, head.seq + 1))) {
    if (items.length === limit) return { ...page, cursor: String(last) };
    items.push(data as BootReceipt);
    last = seq;
  }
  return page;
}

async function* backwards(
  journal: Journal,
  { firstSeq }: Head,
  from: number,
): AsyncGenerator<StoredEvent, void> {
  for (let below = from; below > firstSeq; ) {
    const after = Math.max(firstSeq - 1, below - 1 - chunk);
    const events: StoredEvent[] = [];
    for (let at = after; at < below - 1; at = events.at(-1)?.seq ?? below) {
      const page = await journal.readFrom(bootStream, at, { limit: below - 1 - at });
      events.push(...page.events);
      if (page.events.length === 0) break;
    }
    for (const event of events.toReversed()) if (event.type === 'system.booted') yield event;
    below = after + 1;
  }
}

/** The time of the oldest that is kept; null while all are. */
async function keptSince(journal: Journal, { firstSeq }: Head): Promise<number | null> {
  if (firstSeq === 1) return null;
  const { events } = await journal.readFrom(bootStream, firstSeq - 1, { limit: 1 });
  return events[0]?.at ?? null;
}

function parseCursor(cursor: string | undefined): number {
  if (cursor === undefined) return Number.POSITIVE_INFINITY;
  if (!/^[1-9]\d{0,14}$/.test(cursor)) throw new HoldfastError('INVALID_CURSOR', { value: cursor });
  return Number(cursor);
}
