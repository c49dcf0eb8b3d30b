// What a strategy of somebody's own has offered, looked at before anything is made of it: it must be a state of that very session,
// and is called complete only when the records lead to it.

import { sessionLaw } from '../domain/session/session-law.ts';
import type { SessionState } from '../domain/session/session-state.ts';
import { contextOf } from '../domain/session/session-state.ts';
import type { RecoveredState, RecoveryTask } from './recovery-strategy.ts';
import { strategies } from './strategies.ts';

/** @throws Error that says what is wrong with it */
export async function examined(
  offered: RecoveredState | undefined,
  task: Omit<RecoveryTask, 'signal'>,
): Promise<RecoveredState | undefined> {
  if (offered === undefined) return undefined;
  const fault = faultOf(offered, task);
  if (fault !== undefined) throw new Error(`what it offers cannot be used: ${fault}`);
  if (offered.completeness !== 'complete' || (await isProven(offered, task))) return offered;
  return { ...offered, completeness: 'partial' };
}

function faultOf(
  offered: RecoveredState,
  { sessionId, head }: Omit<RecoveryTask, 'signal'>,
): string | undefined {
  if (typeof offered !== 'object' || offered === null) return 'it is no object';
  const { completeness, state, through, snapshotSeq, replayed, passedOver = [] } = offered;
  if (!kinds.has(completeness)) return 'its completeness is none of complete, partial and minimal';
  if (!isCount(through) || through > head.seq)
    return `through is no event of the session, which ends at ${head.seq}`;
  if (completeness === 'complete' && through < head.seq)
    return `it is not complete: the session ends at ${head.seq}`;
  if (!isCount(snapshotSeq) || !isCount(replayed)) return 'snapshotSeq and replayed are counts';
  if (!Array.isArray(passedOver) || !passedOver.every(isCount)) return 'passedOver is a list of events';
  const decoded = decodedOf(state);
  if (decoded === undefined) return 'its state is not what the law of sessions encodes';
  if (decoded.sessionId !== sessionId) return `its state is of the session ${decoded.sessionId}`;
  return contextOf(decoded).createdAt === null
    ? 'its state is of a session that is not created yet'
    : undefined;
}

const kinds: ReadonlySet<unknown> = new Set(['complete', 'partial', 'minimal']);

const isCount = (value: unknown): value is number => Number.isSafeInteger(value) && Number(value) >= 0;

/** A state that is written once must be read for good: it is read, written and read again. */
function decodedOf(text: string): SessionState | undefined {
  try {
    const state = sessionLaw.decode(sessionLaw.encode(sessionLaw.decode(text)));
    sessionLaw.summarize(state);
    return state;
  } catch {
    return undefined;
  }
}

/** A session goes on from its records: what they do not lead to is not all of it, whatever is said. */
async function isProven({ state }: RecoveredState, task: Omit<RecoveryTask, 'signal'>): Promise<boolean> {
  const { signal } = new AbortController();
  try {
    const found = await strategies.hot.recover({ ...task, signal });
    return found !== undefined && sessionLaw.encode(sessionLaw.decode(state)) === found.state;
  } catch {
    return false;
  }
}
