// Operations that prove: a session, a checkpoint, and what was anchored outside.
import { HoldfastError } from '../../base/errors.ts';
import { sha256 } from '../../base/hash.ts';
import { canonicalJson } from '../../base/json.ts';
import { findCheckpoint } from '../../domain/session/checkpoints.ts';
import { sessionLaw, sessionStream } from '../../domain/session/session-law.ts';
import { knewErased } from '../../entity/missing-payloads.ts';
import type { Head, Journal } from '../../journal/journal.ts';
import type { Handlers } from '../../operations/bind.ts';
import { listCursor, placeIn } from '../../operations/list-cursor.ts';
import type { ParsedInputOf } from '../../operations/registry.ts';
import type {
  Anchor,
  AnchorPage,
  AnchorVerdict,
  CheckpointVerdict,
  IntegrityProblem,
  IntegrityVerdict,
  SessionVerdict,
} from '../../operations/views/integrity-views.ts';
import {
  eventsOf,
  type MetCheckpoint,
  type MetSnapshot,
  type Verification,
  verdictOn,
  verifyStream,
} from '../../recovery/chain/verification.ts';
import { proveAnchor } from '../fork/fork-proof.ts';
import type { HandlerContext } from './handler-context.ts';

export type IntegrityOperation = `sessions.${'verify' | 'anchors' | 'verifyAnchors'}` | 'checkpoints.verify';

export function integrityHandlers({ journal }: HandlerContext): Handlers<IntegrityOperation> {
  return {
    'sessions.verify': async ({ sessionId }, { signal }) =>
      (await verifySession(journal, sessionId, signal)).verdict,
    'checkpoints.verify': async ({ sessionId, checkpointId }, { signal }) => {
      const verification = await verifyStream(journal, sessionId, { signal, only: checkpointId });
      return checkpointVerdict(journal, sessionId, checkpointId, verification);
    },
    'sessions.anchors': (query) => anchorPage(journal, query),
    'sessions.verifyAnchors': async ({ anchors }, { signal }) => {
      const verdicts: AnchorVerdict[] = [];
      for (const anchor of anchors) {
        signal?.throwIfAborted();
        verdicts.push(await anchorVerdict(journal, anchor));
      }
      return verdicts;
    },
  };
}

/** A session read from its first record to its head, and what is to be said of it. */
export async function verifySession(
  journal: Journal,
  sessionId: string,
  signal: AbortSignal | undefined,
): Promise<{ readonly verification: Verification; readonly verdict: SessionVerdict }> {
  const verification = await verifyStream(journal, sessionId, { signal });
  const found = sessionVerdict(sessionId, verification, await hashesOf(journal, verification));
  const { head, state } = verification;
  const { anchor, problem } = await proveAnchor(journal, head, state?.branching.lineage ?? []);
  if (anchor === undefined) return { verification, verdict: found };
  const problems = problem === undefined ? found.problems : [...found.problems, problem];
  return { verification, verdict: { ...found, anchor, problems, valid: problems.length === 0 } };
}

function sessionVerdict(
  sessionId: string,
  verification: Verification,
  hashes: ReadonlyMap<number, string>,
): SessionVerdict {
  const { head, state } = verification;
  const { firstSeq, seq, chain } = head;
  const { generations, dropped } = verification.chain;
  const problems: IntegrityProblem[] = [...verification.problems];
  const snapshots = verification.snapshots.map((met) => {
    const problem = problemOfSnapshot(met, head, hashes.get(met.seq));
    if (problem !== undefined) problems.push(problem);
    const verdict: IntegrityVerdict = problem === undefined ? verdictOn(met, met.found) : 'differs';
    return { seq: met.seq, lawVersion: met.lawVersion, verdict };
  });
  const listed = verification.checkpoints.filter(
    ({ data }) => state === undefined || findCheckpoint(state.checkpoints, data.checkpointId) !== undefined,
  );
  const checkpoints = listed.map((met) => {
    const compared = verdictOn(met.data, met.found);
    const isErased = compared === 'differs' && knewErased(verification.erasures, met.seq - 1);
    const isParked = compared === 'differs' && verification.parked.some((parked) => parked < met.seq);
    const verdict: IntegrityVerdict = isErased ? 'erased' : isParked ? 'notCompared' : compared;
    if (verdict === 'differs') problems.push(problemOfCheckpoint(met));
    return { checkpointId: met.data.checkpointId, seq: met.seq, verdict };
  });
  return {
    ...{ sessionId, valid: problems.length === 0, events: eventsOf(generations) },
    ...{ firstSeq, seq, chain, generations, dropped, snapshots, checkpoints, problems },
  };
}

/** The hashes of the records that snapshots were made at. */
async function hashesOf(
  journal: Journal,
  { head, snapshots, chain }: Verification,
): Promise<ReadonlyMap<number, string>> {
  const hashes = new Map<number, string>();
  for (const { seq } of snapshots) {
    const hash = chain.proves(seq) ? await recordHash(journal, head.stream, seq) : undefined;
    if (hash !== undefined) hashes.set(seq, hash);
  }
  return hashes;
}

function problemOfSnapshot(
  met: MetSnapshot,
  head: Head,
  hash: string | undefined,
): IntegrityProblem | undefined {
  const { seq, chain, isWhole, stateHash, found } = met;
  const corrupt = (problem: string): IntegrityProblem => ({ code: 'JOURNAL_CORRUPT', seq, problem });
  if (seq > head.seq) return corrupt('a snapshot lies behind the newest record');
  if (!isWhole) return corrupt('the state of the snapshot does not match its hash');
  if (hash !== undefined && hash !== chain) return corrupt('the snapshot was made of another record');
  if (verdictOn(met, found) !== 'differs') return undefined;
  const problem = `the replay leads to a state that hashes to ${found}, the snapshot says ${stateHash}`;
  return { code: 'LAW_CHANGED', seq, problem };
}

function problemOfCheckpoint({ seq, data, found }: MetCheckpoint): IntegrityProblem {
  const problem = `the replay leads to a state that hashes to ${found}, checkpoint ${data.checkpointId} says ${data.stateHash}`;
  return { code: 'CHECKPOINT_MISMATCH', seq, problem };
}

async function checkpointVerdict(
  journal: Journal,
  sessionId: string,
  checkpointId: string,
  { head, checkpoints, state, chain, problems, erasures, parked }: Verification,
): Promise<CheckpointVerdict> {
  const [met] = checkpoints;
  const broken = problems.find(({ seq }) => met === undefined || seq >= generationOf(chain, met.seq));
  const isListed = state === undefined || findCheckpoint(state.checkpoints, checkpointId) !== undefined;
  if (!isListed || (met === undefined && broken === undefined))
    throw new HoldfastError('CHECKPOINT_NOT_FOUND', { sessionId, checkpointId });
  const unread = { checkpointId, valid: false, version: null, seq: null, hash: null };
  if (met === undefined) return { ...unread, problem: broken?.problem ?? '' };
  const { seq, data, found } = met;
  const hash = (await recordHash(journal, head.stream, seq)) ?? null;
  const place = { checkpointId, version: seq - 1, seq, hash, expected: data.stateHash, found };
  if (broken === undefined && found !== data.stateHash && knewErased(erasures, seq - 1))
    return { ...place, valid: false, erased: true, problem: 'something that it knew was erased' };
  const isParked = found !== data.stateHash && parked.some((event) => event < seq);
  if (broken === undefined && isParked)
    return { ...place, valid: false, problem: 'an event that it knew is parked now' };
  const problem = broken?.problem ?? (found === data.stateHash ? undefined : differenceOf(data.lawVersion));
  return problem === undefined ? { ...place, valid: true } : { ...place, valid: false, problem };
}

/** Where the part of the chain begins that it lies in: what is wrong before that is no matter of what comes behind. */
const generationOf = ({ generations }: Verification['chain'], seq: number): number =>
  generations.findLast(({ firstSeq }) => firstSeq <= seq)?.firstSeq ?? 0;

const differenceOf = (lawVersion: number): string =>
  lawVersion === sessionLaw.version
    ? 'its version leads to another state'
    : `it was made by version ${lawVersion} of the law, this is ${sessionLaw.version}`;

async function recordHash(journal: Journal, stream: string, seq: number): Promise<string | undefined> {
  return (await journal.readFrom(stream, seq - 1, { limit: 1 })).chain;
}

async function anchorPage(
  journal: Journal,
  { limit, cursor }: ParsedInputOf<'sessions.anchors'>,
): Promise<AnchorPage> {
  const after = placeIn('anchors', cursor);
  const query = { prefix: 'session/', limit, ...(after !== undefined && { after }) };
  const { heads, damaged, next } = await journal.list(query);
  const items = heads.filter(isAnchorable).map(anchorOf);
  const found = { items, digest: sha256(canonicalJson(items)), damaged };
  return next === undefined ? found : { ...found, cursor: listCursor('anchors', next) };
}

/** Of a deleted session nothing is left, and of one that is in memory alone nothing is hashed: its chain is its seq. */
const isAnchorable = ({ firstSeq, seq, chain }: Head): boolean => firstSeq <= seq && chain !== String(seq);

const anchorOf = ({ stream, seq, chain }: Head): Anchor => ({
  stream,
  sessionId: stream.slice(sessionStream('').length),
  seq,
  chain,
});

type GivenAnchor = ParsedInputOf<'sessions.verifyAnchors'>['anchors'][number];

async function anchorVerdict(journal: Journal, { stream, seq, chain }: GivenAnchor): Promise<AnchorVerdict> {
  try {
    const head = await journal.head(stream);
    if (head === undefined || seq > head.seq || seq < head.firstSeq)
      return { stream, seq, verdict: 'missing' };
    if ((await recordHash(journal, stream, seq)) !== chain) return { stream, seq, verdict: 'differs' };
    return { stream, seq, verdict: seq === head.seq ? 'holds' : 'longer' };
  } catch (error) {
    if (!HoldfastError.is(error, 'JOURNAL_CORRUPT')) throw error;
    return { stream, seq, verdict: 'differs', problem: error.message };
  }
}
