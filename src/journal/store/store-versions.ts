// What a store was last written with: the formats of its records, laws and events. It is read before anything else, goes up and
// never down. Whoever knows less than it says leaves the store alone.
import { HoldfastError } from '../../base/errors.ts';
import type { Json } from '../../base/json.ts';
import { keys } from '../keys.ts';
import type { Store } from '../level-store.ts';
import { unseal } from '../sealed.ts';

type Numbers = Readonly<Record<string, number>>;

export interface StoreVersions {
  /** Of the bytes of a record. */
  readonly record: number;
  /** By the kind of entity. */
  readonly laws: Numbers;
  /** By the type of event, where it is not 1. */
  readonly events: Numbers;
  /** The newest library that wrote here: told, and never a reason to refuse. */
  readonly library: string;
}

export interface VersionGate {
  readonly supported: StoreVersions;
  /** `refuse`: a store that would have to be raised is not opened. */
  readonly upgrade: 'auto' | 'refuse';
}

/** Among the small values, so that a backup takes it along. */
export const versionsKey = 'store/versions';

/** Throws `JOURNAL_FORMAT` when the store is newer than what is supported, `UPGRADE_NEEDED` when it is older and is to stay so. */
export function admitVersions(
  location: string,
  found: StoreVersions | undefined,
  { supported, upgrade }: VersionGate,
): void {
  const newer = found && newerPart(found, supported);
  if (newer !== undefined) throw new HoldfastError('JOURNAL_FORMAT', { location, ...newer });
  if (upgrade === 'auto' || !isBelow(found, supported)) return;
  const from = found === undefined ? 'no versions at all' : textOfVersions(found);
  throw new HoldfastError('UPGRADE_NEEDED', { location, from, to: textOfVersions(supported) });
}

/** The first part of the store that is newer than what is supported. */
function newerPart(
  found: StoreVersions,
  supported: StoreVersions,
): { readonly what: string; readonly found: number; readonly supported: number } | undefined {
  const known = new Map(partsOf(supported));
  for (const [what, version] of partsOf(found)) {
    const most = known.get(what) ?? (what.startsWith('event ') ? 1 : 0);
    if (version > most) return { what, found: version, supported: most };
  }
  return undefined;
}

/** True when a format would have to be raised; nothing known counts as below everything. */
export function isBelow(found: StoreVersions | undefined, supported: StoreVersions): boolean {
  if (found === undefined) return true;
  const known = new Map(partsOf(found));
  return partsOf(supported).some(([what, version]) => version > (known.get(what) ?? 0));
}

/** The higher of each, for nothing goes down. */
export function raisedVersions(found: StoreVersions | undefined, supported: StoreVersions): StoreVersions {
  if (found === undefined) return supported;
  return {
    record: Math.max(found.record, supported.record),
    laws: higher(found.laws, supported.laws),
    events: higher(found.events, supported.events),
    library: isLater(found.library, supported.library) ? found.library : supported.library,
  };
}

/** What the store itself says, before the journal reads anything else; undefined when it says nothing that holds. */
export async function storedVersions(db: Store): Promise<StoreVersions | undefined> {
  const key = keys.kv(versionsKey);
  const stored = await db.get(key);
  const text = stored === undefined ? undefined : unseal(key, stored);
  return text === undefined ? undefined : versionsFrom(JSON.parse(text) as Json);
}

export function versionsFrom(value: unknown): StoreVersions | undefined {
  const found = value as Partial<StoreVersions> | null | undefined;
  if (typeof found?.record !== 'number' || typeof found.laws !== 'object') return undefined;
  const { record, laws, events = {}, library = '0.0.0' } = found;
  return { record, laws, events, library };
}

const textOfVersions = (versions: StoreVersions): string =>
  partsOf(versions)
    .map(([what, version]) => `${what} ${version}`)
    .join(', ');

const partsOf = ({ record, laws, events }: StoreVersions): readonly (readonly [string, number])[] => [
  ['record', record],
  ...Object.entries(laws).map(([kind, version]) => [`law ${kind}`, version] as const),
  ...Object.entries(events).map(([type, version]) => [`event ${type}`, version] as const),
];

function higher(a: Numbers, b: Numbers): Numbers {
  const names = [...new Set([...Object.keys(a), ...Object.keys(b)])].sort();
  return Object.fromEntries(names.map((name) => [name, Math.max(a[name] ?? 0, b[name] ?? 0)]));
}

function isLater(a: string, b: string): boolean {
  const [left, right] = [a, b].map((version) => version.split(/[.-]/, 3).map(Number));
  const at = left?.findIndex((part, index) => part !== right?.[index]) ?? -1;
  return at >= 0 && (left?.[at] ?? 0) > (right?.[at] ?? 0);
}
