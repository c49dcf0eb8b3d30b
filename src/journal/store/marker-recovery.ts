// A marker that is lost, made anew from what the database says of itself: whose it is, and with what it was last written. Where it
// does not say so, nobody can prove whose the directory is, and it is left to whoever knows.
import { HoldfastError } from '../../base/errors.ts';
import { keys } from '../keys.ts';
import type { Store } from '../level-store.ts';
import { unseal } from '../sealed.ts';
import { type Marker, markerFile, newMarker, type Repaired } from './store-marker.ts';
import { admitVersions, storedVersions, type VersionGate, versionsKey } from './store-versions.ts';

export interface LostMarker {
  readonly problem: string;
  /** What is left of it; empty where nothing is. */
  readonly text: string;
  /** What an earlier repair has put aside: nobody knows any more whether all that it left was compared since. */
  readonly evidence?: string | undefined;
}

/**
 * Reads only. Throws `JOURNAL_OPEN_FAILED` where the database does not say what the marker said, or is of another store, and what
 * {@link admitVersions} throws.
 */
export async function recoveredMarker(
  db: Store,
  location: string,
  lost: LostMarker,
  gate: VersionGate | undefined,
): Promise<Marker> {
  const uuid = await ownId(db, location, lost);
  const versions = await storedVersions(db);
  if (versions === undefined && (await db.get(keys.kv(versionsKey))) !== undefined)
    throw unproven(location, lost, 'what its database was last written with cannot be read');
  if (gate !== undefined && versions !== undefined) admitVersions(location, versions, gate);
  return {
    ...newMarker(uuid),
    witnessed: true,
    ...(versions && { versions }),
    ...(lost.evidence !== undefined && { unchecked: uncheckedSince(lost.evidence, lost) }),
  };
}

export const textOfLost = ({ problem }: LostMarker): string => `${markerFile}: ${problem}`;

/** Nothing of the marker is believed where the database does not bear it out. */
export function unproven(location: string, lost: LostMarker, why: string): HoldfastError {
  const whatToDo = 'put it back from a copy, or write one as docs/guides/corruption.md says';
  const problem = `its marker ${textOfLost(lost)}, and ${why}: ${whatToDo}`;
  return new HoldfastError('JOURNAL_OPEN_FAILED', { location, problem });
}

async function ownId(db: Store, location: string, lost: LostMarker): Promise<string> {
  const stored = await db.get(keys.store);
  const uuid = stored === undefined ? undefined : unseal(keys.store, stored);
  if (uuid === undefined) throw unproven(location, lost, 'its database does not say whose it is');
  const named = leftOfId(lost.text, uuid.length);
  if (!isNearly(named, uuid))
    throw unproven(location, lost, `it names the store ${named}, while its database is of ${uuid}`);
  return uuid;
}

/** Also as somebody writes it by hand. */
const beforeId = /"uuid"\s*:\s*"/;

/** Any character may stand in it, and it may have been cut off. */
function leftOfId(text: string, length: number): string {
  const found = beforeId.exec(text);
  const at = found === null ? text.length : found.index + found[0].length;
  return text.slice(at, at + length);
}

/** Damage to a byte makes no other store of it; a database that stands in the place of another is one. */
const isNearly = (named: string, uuid: string): boolean =>
  [...named].filter((character, at) => character !== uuid[at]).length <= 1;

const uncheckedSince = (evidence: string, lost: LostMarker): Repaired => ({
  evidence,
  reasons: [`${textOfLost(lost)}: whether all was compared since this repair is not known`],
});
