// The receipts of the starts, newest first, a page at a time: read from the end of their stream backwards.
import { HoldfastError } from '../../base/errors.ts';
import { bootStream } from '../../domain/recovery/recovery-boot-law.ts';
import type { BootReceipt } from '../../domain/recovery/recovery-vocabulary.ts';
import { readableEvents } from '../../entity/readable-events.ts';
import type { Head, Journal, StoredEvent } from '../../journal/journal.ts';

export interface BootPage {
  readonly items: readonly BootReceipt[];
  readonly cursor?: string;
  /** All that there ever were. */
  readonly total: number;
  readonly keptSince: number | null;
  /** Records of the page's part of the stream that cannot be proven, and are left out. */
  readonly damaged: number;
}

const chunk = 50;

/** A place of the stream, without its event where that is damaged. */
type Place = Pick<StoredEvent, 'seq'> & Partial<StoredEvent>;

export async function pageOfBoots(journal: Journal, limit: number, cursor?: string): Promise<BootPage> {
  const below = parseCursor(cursor);
  const head = await journal.head(bootStream);
  if (head === undefined) return { items: [], total: 0, keptSince: null, damaged: 0 };
  const { boots: total = 0 } = (head.summary ?? {}) as { readonly boots?: number };
  const items: BootReceipt[] = [];
  const page = { items, total, keptSince: await keptSince(journal, head) };
  let last = 0;
  let damaged = 0;
  for await (const { seq, type, data } of backwards(journal, head, Math.min(below, head.seq + 1))) {
    if (type === 'system.booted') {
      if (items.length === limit) return { ...page, damaged, cursor: String(last) };
      items.push(data as BootReceipt);
    }
    if (type === undefined) damaged += 1;
    last = seq;
  }
  return { ...page, damaged };
}

async function* backwards(journal: Journal, { firstSeq }: Head, from: number): AsyncGenerator<Place, void> {
  for (let below = from; below > firstSeq; ) {
    const after = Math.max(firstSeq - 1, below - 1 - chunk);
    const events = await readableEvents(journal, bootStream, after, below - 1);
    const found = new Map(events.map((event) => [event.seq, event]));
    for (let seq = below - 1; seq > after; seq--) yield found.get(seq) ?? { seq };
    below = after + 1;
  }
}

/** The time of the oldest that is kept; null while all are. */
async function keptSince(journal: Journal, { firstSeq }: Head): Promise<number | null> {
  if (firstSeq === 1) return null;
  const [oldest] = await readableEvents(journal, bootStream, firstSeq - 1, firstSeq);
  return oldest?.at ?? null;
}

function parseCursor(cursor: string | undefined): number {
  if (cursor === undefined) return Number.POSITIVE_INFINITY;
  if (!/^[1-9]\d{0,14}$/.test(cursor)) throw new HoldfastError('INVALID_CURSOR', { value: cursor });
  return Number(cursor);
}
