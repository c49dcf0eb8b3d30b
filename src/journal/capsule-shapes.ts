// What the lines of a capsule must be before anything is made of them: whoever wrote one may have written anything.

type Check = (value: unknown) => boolean;
type Shape = Readonly<Record<string, Check>>;

const isText: Check = (value) => typeof value === 'string';
const isCount = (value: unknown): value is number => Number.isSafeInteger(value) && Number(value) >= 0;
const isFirst: Check = (value) => isCount(value) && value > 0;
const isTime: Check = (value) => typeof value === 'number' && !Number.isNaN(new Date(value).getTime());
const orNone =
  (check: Check): Check =>
  (value) =>
    value === undefined || check(value);

const header: Shape = {
  formatVersion: isFirst,
  lawVersion: isFirst,
  sessionId: isText,
  exportedAt: isTime,
  firstSeq: isFirst,
  seq: isFirst,
  chain: isText,
  status: isText,
};

const snapshot: Shape = {
  seq: isCount,
  chain: isText,
  at: isTime,
  lawVersion: isFirst,
  stateHash: isText,
  state: isText,
  needs: orNone((value) => Array.isArray(value) && value.every(isCount)),
};

const footer: Shape = {
  events: isCount,
  redacted: isCount,
  snapshots: isCount,
  missing: orNone(isCount),
  digest: isText,
};

const shapes = { header, snapshot, footer };

/** The first member of a line that is not as it must be; undefined where all are. */
export function wrongMember(kind: keyof typeof shapes, found: unknown): string | undefined {
  if (typeof found !== 'object' || found === null) return kind;
  const checks = Object.entries(shapes[kind]);
  const wrong = checks.find(([name, check]) => !check(Reflect.get(found, name)));
  return wrong && `${kind}.${wrong[0]}`;
}
