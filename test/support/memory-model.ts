// What memories are, said as simply as it can be: a list that waits and a list that is kept, with sums in whole millionths. The law
// is run against it by random commands, time, erasures and reloads.
import fc from 'fast-check';
import { expect } from 'vitest';
import type { PromotionPolicy } from '../../src/domain/memory/memory-confidence.ts';
import { MemoryLife } from './memory-life.ts';

const modelPolicy: PromotionPolicy = {
  ...{ importance: 0.5, confidence: 0.3, judgeAfterMs: 1_000, batch: 3 },
  ...{ pending: 4, kept: 5, keptBytes: 40 },
};

/** Contents with what they are worth, in millionths, and kinds likewise. */
const contents = [
  ['', 0],
  [7, 500_000],
  ['one two three four five', 500_000],
  [['a', null, 'b', 'c'], 750_000],
  [{ a: 1 }, 333_333],
] as const;
const kinds = [
  [null, 0],
  ['fact', 1_000_000],
  ['analysis', 800_000],
  ['conversation', 400_000],
  ['__proto__', 600_000],
] as const;

type Move =
  | { readonly do: 'propose'; content: number; kind: number; importance: number; bytes: number }
  | { readonly do: 'evaluate' | 'reload' }
  | { readonly do: 'promote' | 'reject' | 'forget' | 'share' | 'unshare' | 'erase'; which: number }
  | { readonly do: 'pass'; ms: number };

const which = fc.nat(30);
export const memoryMoves: fc.Arbitrary<readonly Move[]> = fc.array(
  fc.oneof(
    {
      weight: 6,
      arbitrary: fc.record({
        do: fc.constant('propose' as const),
        content: fc.nat(contents.length - 1),
        kind: fc.nat(kinds.length - 1),
        importance: fc.nat(10),
        bytes: fc.integer({ min: 1, max: 45 }),
      }),
    },
    { weight: 2, arbitrary: fc.constantFrom({ do: 'evaluate' as const }, { do: 'reload' as const }) },
    {
      weight: 5,
      arbitrary: fc.record({
        do: fc.constantFrom('promote', 'reject', 'forget', 'share', 'unshare', 'erase'),
        which,
      }) as fc.Arbitrary<Move>,
    },
    { weight: 2, arbitrary: fc.record({ do: fc.constant('pass' as const), ms: fc.nat(700) }) },
  ),
  { size: 'max', maxLength: 60 },
);

interface Item {
  readonly id: string;
  readonly importance: number;
  readonly worth: number;
  readonly at: number;
  readonly bytes: number;
  confidence: number;
  isShared: boolean;
}

interface Model {
  now: number;
  pending: Item[];
  kept: Item[];
  /** Every id that was ever given. */
  readonly known: string[];
}

/** 0.4, 0.3, 0.2 and 0.1 in whole numbers. */
const confidenceAt = ({ worth, at }: Item, now: number): number => {
  const recency = Math.max(0, 1_000 - (now - at)) * 1_000;
  return Math.round((worth + recency) / 10);
};

function promote(model: Model, item: Item): void {
  model.pending = model.pending.filter((one) => one !== item);
  item.confidence = confidenceAt(item, model.now);
  const isOver = (): boolean =>
    model.kept.length + 1 > modelPolicy.kept || sumOf(model.kept) + item.bytes > modelPolicy.keptBytes;
  while (isOver() && model.kept.length > 0) {
    const byWorth = [...model.kept].sort(
      (a, b) => Number(a.isShared) - Number(b.isShared) || a.confidence - b.confidence || idOf(a) - idOf(b),
    );
    model.kept = model.kept.filter((one) => one !== byWorth[0]);
  }
  model.kept.push(item);
}

const idOf = ({ id }: Item): number => Number(id.slice(1));
const sumOf = (items: readonly Item[]): number => items.reduce((sum, { bytes }) => sum + bytes, 0);

function judge(model: Model): void {
  let left = modelPolicy.batch;
  for (const item of [...model.pending]) {
    if (left === 0) return;
    const isDue = item.at + modelPolicy.judgeAfterMs <= model.now;
    const isSure = confidenceAt(item, model.now) >= 300_000;
    if (isSure && (isDue || item.importance >= 5)) promote(model, item);
    else if (isDue) model.pending = model.pending.filter((one) => one !== item);
    else continue;
    left -= 1;
  }
}

const isAnyDue = ({ pending, now }: Model): boolean =>
  pending.some(({ at }) => at + modelPolicy.judgeAfterMs <= now);

export function rememberAsModelled(moves: readonly Move[]): void {
  const life = new MemoryLife(modelPolicy);
  const model: Model = { now: 0, pending: [], kept: [], known: [] };
  for (const move of moves) {
    if (move.do === 'pass') model.now += move.ms;
    while (isAnyDue(model)) judge(model);
    step(life, model, move);
    compare(life, model);
    if (move.do === 'erase') expect(life.replayed).toBe(life.text);
  }
  expect(life.replayed).toBe(life.text);
}

function step(life: MemoryLife, model: Model, move: Move): void {
  const { now } = model;
  switch (move.do) {
    case 'pass':
      life.pass(now);
      return;
    case 'reload':
      life.reload();
      return;
    case 'evaluate':
      life.send({ type: 'memory.evaluate' }, now);
      judge(model);
      return;
    case 'propose':
      propose(life, model, move);
      return;
    case 'erase': {
      const id = idAt(model, move.which);
      life.erase([Number(id.slice(1))], now);
      model.pending = model.pending.filter((one) => one.id !== id);
      model.kept = model.kept.filter((one) => one.id !== id);
      return;
    }
    default:
      change(life, model, move.do, idAt(model, move.which));
  }
}

/** One that was known once, or never. */
const idAt = ({ known }: Model, which: number): string => known[which % (known.length + 1)] ?? 'm999';

function propose(life: MemoryLife, model: Model, move: Move & { readonly do: 'propose' }): void {
  const [content, quality] = contents[move.content] ?? contents[0];
  const [kind, specificity] = kinds[move.kind] ?? kinds[0];
  const importance = move.importance / 10;
  const origin = { by: null, runId: null, sources: [] };
  const said = { kind, content, importance, tags: [], origin, bytes: move.bytes };
  const told = life.send({ type: 'memory.propose', ...said, durability: 'fsync' }, model.now);
  if (move.bytes > modelPolicy.keptBytes) {
    expect(told.code).toBe('TOO_LARGE');
    return;
  }
  if (model.pending.length >= modelPolicy.pending) judge(model);
  const evicted: string[] = [];
  if (model.pending.length >= modelPolicy.pending) {
    const worths = model.pending.map((item) => confidenceAt(item, model.now));
    const [gone] = model.pending.splice(worths.indexOf(Math.min(...worths)), 1);
    if (gone !== undefined) evicted.push(gone.id);
  }
  const id = String(told.memoryId);
  if (model.known.includes(id)) throw new Error(`${id} was given twice`);
  if (String(told.evicted) !== String(evicted)) expect(told.evicted).toEqual(evicted);
  model.known.push(id);
  const worth = 4 * move.importance * 100_000 + 3 * quality + 2 * specificity;
  model.pending.push({
    ...{ id, importance: move.importance, worth, at: model.now, bytes: move.bytes },
    ...{ confidence: 0, isShared: false },
  });
}

type Change = 'promote' | 'reject' | 'forget' | 'share' | 'unshare';

function change(life: MemoryLife, model: Model, what: Change, memoryId: string): void {
  const named = { memoryId, reason: 'said so', scope: 'app', owner: 'app' } as const;
  const told = life.send({ type: `memory.${what}`, ...named }, model.now);
  const pending = model.pending.find(({ id }) => id === memoryId);
  const kept = model.kept.find(({ id }) => id === memoryId);
  const isOfQueue = what === 'promote' || what === 'reject';
  const isTaken = isOfQueue ? pending !== undefined || (what === 'promote' && kept) : kept;
  const refusal = (pending ?? kept) ? 'MEMORY_STATUS' : 'MEMORY_NOT_FOUND';
  const code = isTaken ? undefined : refusal;
  if (told.code !== code) expect(told.code).toBe(code);
  if (what === 'promote' && pending !== undefined) promote(model, pending);
  if (what === 'reject') model.pending = model.pending.filter((one) => one !== pending);
  if (what === 'forget') model.kept = model.kept.filter((one) => one !== kept);
  if (what === 'share' && kept !== undefined) kept.isShared = true;
  if (what === 'unshare' && kept !== undefined) kept.isShared = false;
}

function compare(life: MemoryLife, model: Model): void {
  const { pending, kept, keptBytes } = life.state;
  const found = [...kept.entries()].map(([id, { confidence, share }]) => [id, confidence, share !== null]);
  const expected = model.kept.map(({ id, confidence, isShared }) => [id, confidence / 1e6, isShared]);
  const all = { waiting: pending.map(({ memoryId }) => memoryId), kept: found.sort(), bytes: keptBytes };
  const modelled = {
    waiting: model.pending.map(({ id }) => id),
    kept: expected.sort(),
    bytes: sumOf(model.kept),
  };
  if (JSON.stringify(all) !== JSON.stringify(modelled)) expect(all).toEqual(modelled);
}
