// Everything that a store holds, read back and verified: each stream link by link, and the feed without a hole.
import type { Cursor, Journal } from '../../journal/journal.ts';
import { LevelJournal } from '../../journal/level-journal.ts';
import type { DiskImage } from '../disk-image.ts';
import { simulatedDisk } from '../simulated-disk.ts';

/** What is wrong with it, one sentence for each; empty when nothing is. */
export async function problemsIn(image: DiskImage): Promise<string[]> {
  const damaged: string[] = [];
  const journal = await LevelJournal.open({
    open: simulatedDisk({ image }).open,
    telemetry: (name, data = {}) => {
      if (name.endsWith('.damaged')) damaged.push(`${name}: ${JSON.stringify(data)}`);
    },
  });
  return [...damaged, ...(await problemsOfStreams(journal)), ...(await problemsOfFeed(journal))];
}

async function problemsOfStreams(journal: Journal): Promise<string[]> {
  const problems: string[] = [];
  for (let after: string | undefined, more = true; more; more = after !== undefined) {
    const page = await journal.list(after === undefined ? {} : { after });
    problems.push(...page.damaged.map((stream) => `the head of ${stream} is damaged`));
    for (const { stream, seq, firstSeq } of page.heads) {
      if (firstSeq > seq) continue;
      const problem = await readStream(journal, stream, firstSeq - 1).then(
        () => undefined,
        (error: Error) => error.message,
      );
      if (problem !== undefined) problems.push(problem);
    }
    after = page.next;
  }
  return problems;
}

async function readStream(journal: Journal, stream: string, from: number): Promise<void> {
  let chain: string | undefined;
  for (let after = from, end = false; !end; ) {
    const page = await journal.readFrom(stream, after, chain === undefined ? {} : { chain });
    after += page.events.length;
    ({ chain, end } = page);
  }
}

async function problemsOfFeed(journal: Journal): Promise<string[]> {
  const problems: string[] = [];
  try {
    for (let after: Cursor | null = null; ; ) {
      const entries = await journal.readAll(after);
      for (const { damaged = [] } of entries)
        for (const { stream, seq } of damaged)
          problems.push(`the feed names ${stream} ${seq}, which cannot be read`);
      const last = entries.at(-1);
      if (last === undefined) return problems;
      after = last.cursor;
    }
  } catch (error) {
    return [...problems, (error as Error).message];
  }
}
