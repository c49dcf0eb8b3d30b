// A look through a whole store: every session examined, one after the other. None is started and nothing is written.
import { sessionStream } from '../domain/session/session-law.ts';
import { upcasters, upcastWith } from '../domain/upcasters.ts';
import type { Head, Journal } from '../journal/journal.ts';
import type { LevelJournal } from '../journal/level-journal.ts';
import { RoutedJournal } from '../journal/routed-journal.ts';
import { isBelow, versionsFrom, versionsKey } from '../journal/store/store-versions.ts';
import type { DoctorProgress, DoctorReport } from './doctor-report.ts';
import { Findings } from './findings.ts';
import { replayOffline } from './replay-parts.ts';
import { examineSession } from './session-examination.ts';
import { ownVersions } from './store-laws.ts';

export interface ExaminationOptions {
  /** Whether an agent of this name can be started. */
  readonly hasAgent: (agent: string) => boolean;
  readonly onProgress?: ((progress: DoctorProgress) => void) | undefined;
  readonly signal?: AbortSignal | undefined;
  /** Entries that each list of the report holds at most. */
  readonly limit?: number | undefined;
}

const defaultLimit = 1_000;

/** In memory are the lists, up to their limit, and one session. */
export async function examineStore(level: LevelJournal, options: ExaminationOptions): Promise<DoctorReport> {
  const { onProgress, signal, hasAgent, limit = defaultLimit } = options;
  const findings = new Findings(limit);
  const journal = RoutedJournal.over(
    level,
    upcastWith(upcasters, (event) => findings.upcast(event)),
  );
  await replayOffline(journal);
  const of = await countSessions(level);
  for await (const { stream, head } of streamsOf(journal, sessionStream(''))) {
    signal?.throwIfAborted();
    findings.add(await examineSession({ journal, hasAgent, signal }, stream, head));
    onProgress?.({ sessions: findings.sessions, of, events: findings.events });
  }
  const { damaged, lost } = level.opening;
  const stored = versionsFrom(await level.kv.get(versionsKey).catch(() => undefined));
  const versions = { found: stored ?? null, supported: ownVersions, raises: isBelow(stored, ownVersions) };
  return { ...findings.report(), damaged: damaged.length, lost: lost.length, versions };
}

async function countSessions(journal: Journal): Promise<number> {
  let count = 0;
  await journal.survey(sessionStream(''), ({ status }) => {
    if (status !== 'deleted') count += 1;
  });
  return count;
}

/** Heads of what is there; of a damaged one the name alone. Tombstones are left out. */
export async function* streamsOf(
  journal: Journal,
  prefix: string,
): AsyncGenerator<{ readonly stream: string; readonly head?: Head }> {
  for (let after: string | undefined, more = true; more; more = after !== undefined) {
    const query = { prefix, limit: 256, quiet: true, ...(after !== undefined && { after }) };
    const { heads, damaged, next } = await journal.list(query);
    for (const stream of damaged) yield { stream };
    for (const head of heads) if (head.firstSeq <= head.seq) yield { stream: head.stream, head };
    after = next;
  }
}
