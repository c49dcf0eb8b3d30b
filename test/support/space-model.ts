// What a space is, said as simply as it can be: a history of values for each key, and what each policy makes of a late write. The
// law is run against it by random commands.
import fc from 'fast-check';
import { expect } from 'vitest';
import type { PastValue, SpaceOp } from '../../src/domain/space/space-commands.ts';
import { pastKey } from '../../src/domain/space/space-commands.ts';
import type { PolicyRule } from '../../src/domain/space/space-events.ts';
import { SpaceLife, type Told } from './space-life.ts';

const modelPolicies: readonly PolicyRule[] = [
  { key: 'n', policy: 'counter' },
  { prefix: 'set/', policy: 'set' },
  { prefix: 'log/', policy: 'append-only' },
  { prefix: 'log/free', policy: 'last-write-wins' },
  { key: 'm', policy: 'manual' },
];

const keys = ['x', '__proto__', 'n', 'set/s', 'log/l', 'log/free', 'm'] as const;
type Key = (typeof keys)[number];
type Value = string | number | readonly string[] | undefined;

interface Version {
  readonly version: number;
  readonly value: Value;
}

interface Conflict {
  readonly id: string;
  readonly key: Key;
  readonly mine: Value;
  readonly theirs: number;
}

interface Model {
  readonly histories: Map<Key, Version[]>;
  conflicts: Conflict[];
  readonly members: Set<string>;
}

const newModel = (): Model => ({ histories: new Map(), conflicts: [], members: new Set(['a', 'b']) });

const nothing: Version = { version: 0, value: undefined };
const historyOf = ({ histories }: Model, key: Key): readonly Version[] => histories.get(key) ?? [];
const newestOf = (model: Model, key: Key): Version => historyOf(model, key).at(-1) ?? nothing;
const versionOf = (model: Model, key: Key): number => {
  const { version, value } = newestOf(model, key);
  return value === undefined ? 0 : version;
};
const sorted = (items: readonly string[]): readonly string[] => [...new Set(items)].sort();
const list = (value: Value): readonly string[] => (Array.isArray(value) ? value : []);
const number = (value: Value): number => (typeof value === 'number' ? value : 0);
const startsWith = (whole: readonly string[], start: readonly string[]): boolean =>
  start.every((item, i) => whole[i] === item);
const same = (a: Value, b: Value): boolean => JSON.stringify(a) === JSON.stringify(b);

type Expected = { readonly value: Value } | 'POLICY_MISMATCH' | 'conflict' | 'unchanged';

function expectedOf(model: Model, key: Key, op: SpaceOp, base: Version | undefined): Expected {
  const newest = newestOf(model, key);
  const isAbsolute = op.op === 'set' || op.op === 'delete';
  const isStale =
    base !== undefined &&
    base.version !== newest.version &&
    !(base.version === 0 && newest.value === undefined);
  return isAbsolute && isStale ? late(key, op, base.value, newest.value) : fresh(key, op, newest.value);
}

function fresh(key: Key, op: SpaceOp, before: Value): Expected {
  const value = applied(op, before, key);
  if (value === 'misfit') return 'POLICY_MISMATCH';
  if (key === 'n' && value !== undefined && typeof value !== 'number') return 'POLICY_MISMATCH';
  if (key === 'set/s' && value !== undefined && !Array.isArray(value)) return 'POLICY_MISMATCH';
  if (key === 'log/l' && !(Array.isArray(value) && startsWith(value, list(before)))) return 'POLICY_MISMATCH';
  if (value === undefined && before === undefined) return 'unchanged';
  return { value: key === 'set/s' && value !== undefined ? sorted(list(value)) : value };
}

function applied(op: SpaceOp, before: Value, key: Key): Value | 'misfit' {
  if (op.op === 'set') return op.value as Value;
  if (op.op === 'delete') return undefined;
  if (op.op === 'increment')
    return before === undefined || typeof before === 'number' ? number(before) + op.by : 'misfit';
  if (op.op === 'patch' || (before !== undefined && !Array.isArray(before))) return 'misfit';
  const values = op.values as readonly string[];
  if (op.op === 'append') return [...list(before), ...values];
  if (op.op === 'add') return sorted([...list(before), ...values]);
  const rest = list(before).filter((item) => !values.includes(item));
  return key === 'set/s' ? sorted(rest) : rest;
}

function late(key: Key, op: SpaceOp, base: Value, theirs: Value): Expected {
  const mine = op.op === 'set' ? (op.value as Value) : undefined;
  if (key === 'n' && mine !== undefined && typeof mine !== 'number') return 'POLICY_MISMATCH';
  if (key === 'set/s' && mine !== undefined && !Array.isArray(mine)) return 'POLICY_MISMATCH';
  if (key === 'log/l' && !(Array.isArray(mine) && startsWith(mine, list(base)))) return 'POLICY_MISMATCH';
  if (key === 'm' && same(mine, theirs)) return 'unchanged';
  if (key === 'm') return 'conflict';
  const value = madeOfBoth(key, base, mine, theirs);
  return same(value, theirs) ? 'unchanged' : { value };
}

function madeOfBoth(key: Key, base: Value, mine: Value, theirs: Value): Value {
  if (key === 'n') return number(theirs) + number(mine) - number(base);
  if (key === 'log/l') return [...list(theirs), ...list(mine).slice(list(base).length)];
  if (key !== 'set/s') return mine;
  const [added, removed] = [
    list(mine).filter((item) => !list(base).includes(item)),
    list(base).filter((item) => !list(mine).includes(item)),
  ];
  return sorted([...list(theirs).filter((item) => !removed.includes(item)), ...added]);
}

type SpaceMove = fc.Command<Model, SpaceLife>;

const move = (name: string, run: (model: Model, life: SpaceLife) => void): SpaceMove => ({
  check: () => true,
  run(model, life) {
    run(model, life);
    compare(model, life);
  },
  toString: () => name,
});

function compare(model: Model, life: SpaceLife): void {
  const { state } = life;
  const [stands, said] = [
    {
      keys: keys.map((key) => [key, life.valueOf(key) ?? null, state.entries.get(key)?.versions ?? []]),
      conflicts: state.conflicts.map(({ conflictId }) => conflictId),
      members: [...state.members.entries()].map(([id]) => id).sort(),
      count: state.keys,
    },
    {
      keys: keys.map((key) => [
        ...[key, newestOf(model, key).value ?? null],
        historyOf(model, key).map(({ version }) => version),
      ]),
      conflicts: model.conflicts.map(({ id }) => id),
      members: [...model.members].sort(),
      count: keys.filter((key) => newestOf(model, key).value !== undefined).length,
    },
  ];
  if (JSON.stringify(stands) !== JSON.stringify(said)) expect(stands).toEqual(said);
}

const note = (model: Model, key: Key, version: number, value: Value): void => {
  model.histories.set(key, [...historyOf(model, key), { version, value }]);
};

function writeMove(key: Key, op: SpaceOp, pick: number | undefined, by: string): SpaceMove {
  const name = `${by}: ${key} ${JSON.stringify(op)}${pick === undefined ? '' : ` on ${pick}`}`;
  return move(name, (model, life) => {
    const seen = [nothing, ...historyOf(model, key)];
    const base = pick === undefined ? undefined : seen[pick % seen.length];
    const expected = expectedOf(model, key, op, base);
    const past: PastValue = base?.value === undefined ? {} : { value: base.value };
    const based = base === undefined ? {} : { baseVersion: base.version, base: past };
    const told = life.write({ ...op, key, ...based }, by);
    if (!model.members.has(by)) expect(told.code).toBe('NOT_A_MEMBER');
    else expectTold(model, life, key, op, told, expected);
  });
}

function expectTold(
  model: Model,
  life: SpaceLife,
  key: Key,
  op: SpaceOp,
  told: Told,
  expected: Expected,
): void {
  if (expected === 'POLICY_MISMATCH') expect(told.code).toBe(expected);
  else if (expected === 'unchanged')
    expect(told).toMatchObject({ outcome: expected, version: versionOf(model, key) });
  else if (expected === 'conflict') {
    const id = `c${life.seq}`;
    expect(told).toMatchObject({ outcome: 'conflict', conflictId: id });
    const mine = op.op === 'set' ? (op.value as Value) : undefined;
    model.conflicts.push({ id, key, mine, theirs: versionOf(model, key) });
  } else {
    expect(told.version).toBe(expected.value === undefined ? 0 : life.seq);
    note(model, key, life.seq, expected.value);
  }
}

function swapMove(key: Key, guess: number, value: string): SpaceMove {
  return move(`swap ${key} at ${guess}`, (model, life) => {
    const versions = [0, ...historyOf(model, key).map(({ version }) => version)];
    const version = versions[guess % versions.length] ?? 0;
    const isNow = version === versionOf(model, key);
    const given = { by: 'a', cause: null, isTransaction: false, reads: [{ key, version }] };
    const told = life.send({ type: 'space.write', ...given, writes: [{ op: 'set', key, value }] });
    if (!model.members.has('a')) expect(told.code).toBe('NOT_A_MEMBER');
    else if (!isNow) expect(told.code).toBe('VERSION_CONFLICT');
    else
      expectTold(
        model,
        life,
        key,
        { op: 'set', value },
        told,
        fresh(key, { op: 'set', value }, newestOf(model, key).value),
      );
  });
}

function transactMove(guess: number, by: number): SpaceMove {
  return move(`transact at ${guess} by ${by}`, (model, life) => {
    const versions = [0, ...historyOf(model, 'x').map(({ version }) => version)];
    const version = versions[guess % versions.length] ?? 0;
    const told = life.send({
      ...{ type: 'space.write', by: 'a', cause: null, isTransaction: true, reads: [{ key: 'x', version }] },
      writes: [
        { op: 'set', key: 'x', value: `t${by}` },
        { op: 'increment', key: 'n', by },
      ],
    });
    if (!model.members.has('a')) expect(told.code).toBe('NOT_A_MEMBER');
    else if (version !== versionOf(model, 'x')) expect(told.code).toBe('VERSION_CONFLICT');
    else {
      expect(told.version).toBe(life.seq);
      note(model, 'x', life.seq, `t${by}`);
      note(model, 'n', life.seq, number(newestOf(model, 'n').value) + by);
    }
  });
}

const pastValues = (model: Model): ReadonlyMap<string, PastValue> =>
  new Map(
    keys.flatMap((key) =>
      historyOf(model, key).map(({ version, value }) => [
        pastKey(key, version),
        value === undefined ? {} : { value },
      ]),
    ),
  );

function rollbackMove(key: Key | null, guess: number): SpaceMove {
  return move(`rollback ${key ?? 'all'} to ${guess}`, (model, life) => {
    const all = key === null ? keys : [key];
    const versions = [...new Set(all.flatMap((one) => historyOf(model, one).map(({ version }) => version)))];
    const to = versions.sort((a, b) => a - b)[guess % Math.max(1, versions.length)] ?? 0;
    const told = life.send({
      ...{ type: 'space.rollback', by: 'b', cause: null, key, to, values: pastValues(model) },
    });
    if (!model.members.has('b')) return expect(told.code).toBe('NOT_A_MEMBER');
    if (key !== null && versions.length === 0) return expect(told.code).toBe('VERSION_NOT_KEPT');
    for (const one of all) {
      const past = historyOf(model, one).findLast(({ version }) => version <= to)?.value;
      if (!same(past, newestOf(model, one).value)) note(model, one, life.seq, past);
    }
  });
}

function settleMove(pick: number, take: 'mine' | 'theirs' | 'value'): SpaceMove {
  return move(`settle ${pick} by ${take}`, (model, life) => {
    const conflict = model.conflicts[pick % Math.max(1, model.conflicts.length)];
    const conflictId = conflict?.id ?? 'c0';
    const value = take === 'value' ? { value: 'settled' } : {};
    const told = life.send({ type: 'space.settle', by: 'b', cause: null, conflictId, take, ...value });
    if (!model.members.has('b')) expect(told.code).toBe('NOT_A_MEMBER');
    else if (conflict === undefined) expect(told.code).toBe('CONFLICT_NOT_FOUND');
    else if (take !== 'theirs' && versionOf(model, conflict.key) !== conflict.theirs)
      expect(told.code).toBe('VERSION_CONFLICT');
    else {
      model.conflicts = model.conflicts.filter((one) => one !== conflict);
      if (take !== 'theirs') note(model, conflict.key, life.seq, take === 'mine' ? conflict.mine : 'settled');
    }
  });
}

function memberMove(sessionId: string, joins: boolean): SpaceMove {
  return move(`${sessionId} ${joins ? 'joins' : 'leaves'}`, (model, life) => {
    if (joins) life.send({ type: 'space.join', sessionId });
    else life.send({ type: 'space.leave', sessionId, reason: 'r' });
    if (joins) model.members.add(sessionId);
    else model.members.delete(sessionId);
  });
}

const items = fc.array(fc.constantFrom('a', 'b', 'c', 'd'), { maxLength: 3 });
const value = fc.oneof(fc.integer({ min: -9, max: 9 }), fc.constantFrom('p', 'q'), items);
const key = fc.constantFrom(...keys);
const op: fc.Arbitrary<SpaceOp> = fc.oneof(
  { weight: 4, arbitrary: value.map((one): SpaceOp => ({ op: 'set', value: one })) },
  fc.constant<SpaceOp>({ op: 'delete' }),
  fc.integer({ min: -3, max: 3 }).map((by): SpaceOp => ({ op: 'increment', by })),
  fc
    .tuple(fc.constantFrom('add', 'remove', 'append'), items)
    .map(([name, values]) => ({ op: name, values }) as SpaceOp),
);
const pick = fc.nat({ max: 9 });

/** Random lives of a space. */
export const spaceMoves = fc.commands(
  [
    fc
      .tuple(key, op, fc.option(pick, { nil: undefined }), fc.constantFrom('a', 'b'))
      .filter(
        ([one, asked, base]) => asked.op !== 'delete' || base === undefined || one === 'x' || one === 'm',
      )
      .map((given) => writeMove(...given)),
    fc
      .tuple(fc.constantFrom<Key>('x', '__proto__', 'log/free', 'm'), pick, fc.constantFrom('v', 'w'))
      .map((given) => swapMove(...given)),
    fc.tuple(pick, fc.integer({ min: 1, max: 3 })).map((given) => transactMove(...given)),
    fc.tuple(fc.option(key), pick).map((given) => rollbackMove(...given)),
    fc.tuple(pick, fc.constantFrom('mine', 'theirs', 'value')).map((given) => settleMove(...given)),
    fc.tuple(fc.constantFrom('a', 'b', 'c'), fc.boolean()).map((given) => memberMove(...given)),
    fc.constant(move('reload', (_, life) => life.reload())),
  ],
  { maxCommands: 30, size: 'max' },
);

/** One life: after each command the law stands where the model does, and at the end its events say the same again. */
export function liveAsModelled(moves: Iterable<SpaceMove>): void {
  const real = new SpaceLife(modelPolicies, new Map(), 1_000);
  fc.modelRun(() => ({ model: newModel(), real }), moves);
  expect(real.replayed).toBe(real.text);
}
