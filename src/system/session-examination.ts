// One stored session loaded and replayed as a start would do it: what it needs, where it differs, and where it fails.
import type { ErrorCode } from '../base/errors.ts';
import { sha256 } from '../base/hash.ts';
import { openRuns } from '../domain/agent/agent-runs.ts';
import { conditionLaw, conditionStream } from '../domain/recovery/condition-law.ts';
import { sessionLaw, sessionStream } from '../domain/session/session-law.ts';
import type { SessionState } from '../domain/session/session-state.ts';
import { hydrate } from '../entity/hydrate.ts';
import type { Head, Journal } from '../journal/journal.ts';
import { type Verification, verdictOn } from '../recovery/chain/verification.ts';
import { verifySession } from '../session/handlers/integrity-handlers.ts';
import { damagedHead, findingOf } from './finding.ts';
import type { Differs, Fails, Looked } from './findings.ts';

export interface ExaminedBy {
  readonly journal: Journal;
  /** Whether an agent of this name can be started. */
  readonly hasAgent: (agent: string) => boolean;
  readonly signal?: AbortSignal | undefined;
}

/** `head` is undefined where it is damaged. */
export async function examineSession(by: ExaminedBy, stream: string, head?: Head): Promise<Looked> {
  const { journal, hasAgent, signal } = by;
  const sessionId = stream.slice(sessionStream('').length);
  const fails: Fails[] = [];
  const attempt = <T>(way: Fails['way'], of: string, look: () => Promise<T>): Promise<T | undefined> =>
    look().catch((error) => {
      signal?.throwIfAborted();
      fails.push({ stream: of, way, ...findingOf(error) });
      return undefined;
    });
  const load = <T>(of: string, look: () => Promise<T>) => attempt('load', of, look);
  const quarantined = await load(conditionStream(sessionId), () => isQuarantined(journal, sessionId));
  const replayed = head && (await attempt('replay', stream, () => verifySession(journal, sessionId, signal)));
  const loaded = await load(stream, () => loadSession(journal, stream, head));
  const broken = replayed?.verdict.problems.find(({ code }) => !compared.has(code));
  if (broken !== undefined) fails.push({ stream, way: 'replay', ...broken });
  return {
    sessionId,
    events: head === undefined ? 0 : head.seq - head.firstSeq + 1,
    snapshots: snapshotsIn(replayed?.verification),
    missing: loaded === undefined ? [] : agentsOf(loaded).filter((agent) => !hasAgent(agent)),
    quarantined: quarantined ?? false,
    differs: replayed === undefined ? [] : differences(replayed.verification, loaded),
    fails,
  };
}

/** Also reads the events of its condition, which a start has to be able to do. */
async function isQuarantined(journal: Journal, sessionId: string): Promise<boolean> {
  const { state } = await hydrate(conditionLaw, conditionStream(sessionId), journal, () => {});
  return state.current?.condition === 'quarantined';
}

async function loadSession(journal: Journal, stream: string, head: Head | undefined): Promise<SessionState> {
  if (head === undefined) throw damagedHead(stream);
  return (await hydrate(sessionLaw, stream, journal, () => {})).state;
}

const agentsOf = ({ agents }: SessionState): readonly string[] => openRuns(agents).map(({ agent }) => agent);

const snapshotsIn = (verification: Verification | undefined): Looked['snapshots'] => {
  const { snapshots = [] } = verification ?? {};
  const isOutdated = ({ lawVersion }: { lawVersion: number }): boolean => lawVersion < sessionLaw.version;
  return { kept: snapshots.length, outdated: snapshots.filter(isOutdated).length };
};

/** What is told with both hashes. */
const compared: ReadonlySet<ErrorCode> = new Set<ErrorCode>(['LAW_CHANGED', 'CHECKPOINT_MISMATCH']);

function differences(
  { head, snapshots, checkpoints, state }: Verification,
  loaded: SessionState | undefined,
): readonly Differs[] {
  const differs: Differs[] = [];
  for (const { isWhole, found, ...met } of snapshots)
    if (isWhole && found !== undefined && verdictOn(met, found) === 'differs')
      differs.push({ code: 'LAW_CHANGED', seq: met.seq, expected: met.stateHash, found });
  for (const { seq, data, found } of checkpoints)
    if (verdictOn(data, found) === 'differs')
      differs.push({ code: 'CHECKPOINT_MISMATCH', seq: seq - 1, expected: data.stateHash, found });
  if (loaded === undefined || state === undefined) return differs;
  const expected = sha256(sessionLaw.encode(loaded));
  const found = sha256(sessionLaw.encode(state));
  // Where a snapshot differs, what was loaded from it does too.
  const isNew = expected !== found && differs.every(({ code }) => code !== 'LAW_CHANGED');
  return isNew ? [...differs, { code: 'LAW_CHANGED', seq: head.seq, expected, found }] : differs;
}
