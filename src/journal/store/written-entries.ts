// What was written to the database without a sync, looked for in one that was opened again: what is there has become durable by
// the opening, which writes what it finds in the logs to a table; what is not there is lost, and not to be witnessed later.
import type { FeedRange } from '../feed.ts';
import { headFrom } from '../head/head.ts';
import { keys } from '../keys.ts';
import type { Store } from '../level-store.ts';
import { unseal } from '../sealed.ts';
import type { LostHistory } from './store-report.ts';

interface WrittenEntries {
  /** The lines of those that are there. */
  readonly kept: string;
  /** How far the streams of the others had come, and how far they are now. */
  readonly lost: readonly LostHistory[];
}

/** Lines of a tail, each a key of the feed and its value. */
export async function findWritten(db: Store, lines: string): Promise<WrittenEntries> {
  const lost = new Map<string, LostHistory>();
  let kept = '';
  for (const line of lines.split('\n')) {
    if (line === '') continue;
    const end = line.indexOf(' ');
    const [key, value] = [line.slice(0, end), line.slice(end + 1)];
    if ((await db.get(key)) === value) kept += `${line}\n`;
    else for (const each of await lostOf(db, unseal(key, value))) lost.set(each.stream, each);
  }
  return { kept, lost: [...lost.values()] };
}

async function lostOf(db: Store, entry: string | undefined): Promise<readonly LostHistory[]> {
  const lost: LostHistory[] = [];
  for (const [stream, , witnessed] of JSON.parse(entry ?? '[]') as FeedRange[]) {
    const key = keys.head(stream);
    const stored = await db.get(key);
    const text = stored === undefined ? undefined : unseal(key, stored);
    const found = text === undefined ? 0 : headFrom(stream, text).seq;
    if (found < witnessed) lost.push({ stream, found, witnessed });
  }
  return lost;
}
