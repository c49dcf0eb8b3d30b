// A backup is good when it was restored: into a scratch place, every stream read from there through the journal, link by link,
// and found to end where the manifest says.
import { basename } from 'node:path';
import { HoldfastError } from '../../base/errors.ts';
import type { Journal } from '../journal.ts';
import { openLevelJournal } from '../open-level-journal.ts';
import type { AtRest } from '../store/value-envelope.ts';
import { type BackupFacts, type DamagedStream, damaged } from './backup-manifest.ts';
import type { Pace } from './backup-pace.ts';
import { loadBackup, readStreamEnds, type StreamEnd } from './backup-reader.ts';

export interface Proof {
  readonly folder: string;
  readonly facts: BackupFacts;
  /** An empty or absent directory; left behind. */
  readonly scratch: string;
  readonly pace: Pace;
  readonly atRest: AtRest;
  /** True when the stream cannot be read in the store either: then the backup is as good as what it was made from. */
  readonly isDamagedAtSource: (end: StreamEnd) => Promise<boolean>;
}

/** The streams that are damaged in the store too. Rejects with `BACKUP_DAMAGED` for anything that the backup alone has wrong. */
export async function proveBackup(proof: Proof): Promise<readonly DamagedStream[]> {
  const { folder, facts, scratch, pace, atRest } = proof;
  const load = (db: Parameters<typeof loadBackup>[0]): Promise<void> =>
    loadBackup(db, folder, facts, { pace, durable: false });
  const options = { load, atRest, inherited: facts.envelope };
  const journal = await openLevelJournal(scratch, options).catch(failedThere);
  try {
    return await proveStreams(journal, proof);
  } finally {
    await journal.close();
  }
}

/** That the scratch place cannot be opened, for want of space or descriptors, is no word about the store. */
function failedThere(error: unknown): never {
  if (!HoldfastError.is(error, 'JOURNAL_OPEN_FAILED')) throw error;
  throw new HoldfastError('BACKUP_FAILED', { problem: String(error.details.problem) }, { cause: error });
}

async function proveStreams(
  journal: Journal,
  { folder, facts, pace, isDamagedAtSource }: Proof,
): Promise<readonly DamagedStream[]> {
  const backup = basename(folder);
  const found = [...facts.damaged];
  /** Damaged heads name no end. */
  const headless = new Set(facts.damaged.map(({ stream }) => stream));
  const counts = { streams: 0, events: 0 };
  for await (const end of readStreamEnds(folder, facts)) {
    counts.streams += 1;
    counts.events += end.seq - end.firstSeq + 1;
    headless.delete(end.stream);
    const problem = await problemOf(journal, end, pace);
    if (problem === undefined) continue;
    if (!(await isDamagedAtSource(end))) throw damaged(backup, `${end.stream}: ${problem}`);
    if (!found.some(({ stream }) => stream === end.stream)) found.push({ stream: end.stream, problem });
  }
  const streams = counts.streams + headless.size;
  if (streams !== facts.streams || counts.events !== facts.events)
    throw damaged(backup, `it has ${counts.events} events of ${streams} streams, not what it says`);
  if ((await countStreams(journal)) !== facts.streams)
    throw damaged(backup, 'it holds other streams than it says');
  return found;
}

async function countStreams(journal: Journal): Promise<number> {
  let count = 0;
  for (let after: string | undefined, more = true; more; more = after !== undefined) {
    const page = await journal.list({ quiet: true, lazy: true, ...(after !== undefined && { after }) });
    count += page.heads.length + page.damaged.length;
    after = page.next;
  }
  return count;
}

/** What is wrong with a stream; undefined when its records lead, link by link, to the end that it should have. */
export async function problemOf(journal: Journal, end: StreamEnd, pace: Pace): Promise<string | undefined> {
  try {
    const head = await journal.head(end.stream);
    if (head?.seq !== end.seq || head.firstSeq !== end.firstSeq || head.chain !== end.chain)
      return 'its head is another';
    let after = end.firstSeq - 1;
    let chain: string | undefined;
    while (after < end.seq) {
      const page = await journal.readFrom(end.stream, after, chain === undefined ? {} : { chain });
      after = page.events.at(-1)?.seq ?? after;
      chain = page.chain;
      await pace.after(0);
    }
    return undefined;
  } catch (error) {
    if (HoldfastError.is(error, 'JOURNAL_CORRUPT')) return error.message;
    throw error;
  }
}
