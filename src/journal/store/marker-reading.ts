// A marker as it stands on the disk, read strictly: what does not match its checksum, or has not the shape of a marker, says nothing.
import { checksumOf, directoryFormat, type Marker } from './store-marker.ts';

/** What is read of a marker: all of it, that only a newer version can read it, or why it cannot be believed. */
export type MarkerReading =
  | {
      readonly kind: 'read';
      readonly marker: Marker /** Of a hint that was left out. */;
      readonly problem?: string;
    }
  | { readonly kind: 'newer'; readonly format: number }
  | { readonly kind: 'damaged'; readonly problem: string };

/** Those of before have no checksum, and neither do those that somebody writes by hand: they may hold what is known, and nothing else. */
export function readMarkerText(text: string): MarkerReading {
  const found = objectIn(text);
  if (found === undefined) return damaged(text === '' ? 'it is empty' : 'it is no JSON object');
  const { checksum, ...marker } = found;
  if (checksum !== undefined && checksum !== checksumOf(marker))
    return damaged('it does not match its checksum');
  const { holdfast, format } = marker;
  if (holdfast === 'store' && isCount(format) && format > directoryFormat) return { kind: 'newer', format };
  const unknown = Object.keys(marker).find((name) => !(name in members));
  if (checksum === undefined && unknown !== undefined)
    return damaged(`it holds ${JSON.stringify(unknown)}, which is not known`);
  return asMarker(marker);
}

/** What a close knew is a hint: without it the store is opened as after a kill. */
function asMarker(found: Members): MarkerReading {
  const wrong = Object.entries(members).flatMap(([name, check]) => (check(found[name]) ? [] : [name]));
  const problem = `its ${wrong.join(', ')} cannot be read`;
  const { closed: _, ...rest } = found;
  const marker = wrong.includes('closed') ? rest : found;
  if (wrong.some((name) => name !== 'closed') || !isMarker(marker)) return damaged(problem);
  return { kind: 'read', marker, ...(wrong.length > 0 && { problem }) };
}

const damaged = (problem: string): MarkerReading => ({ kind: 'damaged', problem });

type Members = Readonly<Record<string, unknown>>;
type Check = (value: unknown) => boolean;

const isObject = (value: unknown): value is Members =>
  typeof value === 'object' && value !== null && !Array.isArray(value);
const isText: Check = (value) => typeof value === 'string';
const isCount = (value: unknown): value is number => Number.isSafeInteger(value) && Number(value) >= 0;
const areCounts: Check = (value) => isObject(value) && Object.values(value).every(isCount);
const orNone =
  (check: Check): Check =>
  (value) =>
    value === undefined || check(value);

const isVersions: Check = (value) =>
  isObject(value) &&
  isCount(value.record) &&
  areCounts(value.laws) &&
  orNone(areCounts)(value.events) &&
  orNone(isText)(value.library);

const isRepaired: Check = (value) =>
  isObject(value) && isText(value.evidence) && Array.isArray(value.reasons) && value.reasons.every(isText);

const isManifest: Check = (value) =>
  Array.isArray(value) && value.length === 2 && /^MANIFEST-\d+$/.test(String(value[0])) && isCount(value[1]);

const isClosed: Check = (value) =>
  isObject(value) &&
  isText(value.at) &&
  isObject(value.files) &&
  isManifest(value.files.manifest) &&
  orNone(areCounts)(value.files.logs) &&
  isObject(value.heads) &&
  isCount(value.heads.heads) &&
  isCount(value.heads.digest);

const members: Readonly<Record<keyof Marker, Check>> = {
  holdfast: (value) => value === 'store',
  format: (value) => isCount(value) && value > 0 && value <= directoryFormat,
  uuid: orNone(isText),
  createdAt: orNone(isText),
  witnessed: orNone((value) => typeof value === 'boolean'),
  versions: orNone(isVersions),
  unchecked: orNone(isRepaired),
  closed: orNone(isClosed),
};

const isMarker = (found: Members): found is Members & Marker =>
  Object.entries(members).every(([name, check]) => check(found[name]));

function objectIn(text: string): Members | undefined {
  try {
    const found: unknown = JSON.parse(text);
    return isObject(found) ? found : undefined;
  } catch {
    return undefined;
  }
}
