// What a merge leads to, on any two sides of any base: decided by the law alone.
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { Json } from '../../src/base/json.ts';
import type { MergedData } from '../../src/domain/fork/session-merge-events.ts';
import { isTaken, leftOf, noRanges, type TakenSpan, withTaken } from '../../src/domain/fork/taken-ranges.ts';
import { sameJson, threeWay } from '../../src/domain/json-merge.ts';
import type { LawEvent } from '../../src/domain/law.ts';
import type { MergedValue, MergeSession } from '../../src/domain/session/session-commands.ts';
import { sessionLaw } from '../../src/domain/session/session-law.ts';
import type { SessionState } from '../../src/domain/session/session-state.ts';
import { lives, openedAt } from '../support/session-states.ts';

const merge = (more: Partial<MergeSession>): MergeSession => ({
  type: 'session.merge',
  ...{ from: { sessionId: 'b', through: 50, chain: 'c' }, ancestor: { sessionId: 's1', version: 1 } },
  ...{ policy: 'keep', parts: ['messages', 'files', 'context'], before: { messages: 0, tasks: 0 } },
  ...{ taken: [], messages: [], files: [], index: [], context: [] },
  ...more,
});

const valuesOf = ({ memory }: SessionState): Record<string, Json> =>
  Object.fromEntries([...memory.items.entries()].map(([key, { value }]) => [key, value]));

const json: fc.Arbitrary<Json> = fc.oneof(
  fc.nat(2),
  fc.dictionary(fc.constantFrom('a', 'b', '__proto__'), fc.nat(2), { maxKeys: 2 }),
) as fc.Arbitrary<Json>;

const side = fc.dictionary(fc.constantFrom('x', 'y', 'constructor', '__proto__'), json, { maxKeys: 4 });

function changesOf(base: Record<string, Json>, theirs: Record<string, Json>): MergedValue[] {
  const at = (of: Record<string, Json>, key: string): Json | undefined =>
    Object.hasOwn(of, key) ? of[key] : undefined;
  return [...new Set([...Object.keys(base), ...Object.keys(theirs)])]
    .sort()
    .map((key, i) => ({ key, base: at(base, key), theirs: at(theirs, key), seq: i + 1 }))
    .filter((change) => !sameJson(change.base, change.theirs));
}

describe('a merge of working contexts', () => {
  test('property: takes what one side changed, names what both did, and is nothing the second time', () => {
    fc.assert(
      fc.property(side, side, side, fc.constantFrom('keep', 'take'), (base, ours, theirs, policy) => {
        const life = lives.active();
        for (const key of Object.keys(valuesOf(life.state)))
          life.send({ type: 'memory.delete', key }, openedAt);
        for (const [key, value] of Object.entries(ours))
          life.send({ type: 'memory.set', key, value }, openedAt);
        const context = changesOf(base, theirs);
        const command = merge({ policy: policy as 'keep', context });
        const outcome = life.send(command, openedAt) as { events?: readonly LawEvent[] };
        const expected = new Map(Object.entries(ours));
        const contested: string[] = [];
        for (const change of context) {
          const mine = Object.hasOwn(ours, change.key) ? ours[change.key] : undefined;
          const both = threeWay(change.base, mine, change.theirs);
          if (both === undefined) contested.push(change.key);
          const value = both === undefined ? (policy === 'keep' ? mine : change.theirs) : both.value;
          if (value === undefined) expected.delete(change.key);
          else expected.set(change.key, value);
        }
        expect(new Map(Object.entries(valuesOf(life.state)))).toEqual(expected);
        const { conflicts = [] } = (outcome.events?.at(-1)?.data ?? {}) as Partial<MergedData>;
        expect(conflicts.map(({ key }) => key)).toEqual(contested);
        expect(sessionLaw.encode(sessionLaw.decode(sessionLaw.encode(life.state)))).toBe(
          sessionLaw.encode(life.state),
        );
        const before = life.seq;
        expect(life.send(merge({ context: [] }), openedAt)).toMatchObject({ events: [] });
        expect(life.seq).toBe(before);
      }),
      { numRuns: 200 },
    );
  });

  test('that would not fit is refused whole', () => {
    const life = lives.active();
    life.send({ type: 'session.configure', changes: {}, config: { maxMemoryKeys: 2 } }, openedAt);
    const context = ['a', 'b', 'c'].map((key, i) => ({ key, base: undefined, theirs: 1, seq: i + 1 }));
    const before = life.state;
    expect(life.send(merge({ context }), openedAt)).toMatchObject({ refusal: { code: 'AT_CAPACITY' } });
    expect(life.state).toBe(before);
  });
});

describe('a merge of messages', () => {
  test('property: takes each once by where it was first said, however it is cut and repeated', () => {
    const piece = fc.tuple(fc.nat(12), fc.nat(4), fc.boolean());
    fc.assert(
      fc.property(fc.array(piece, { minLength: 1, maxLength: 8 }), (pieces) => {
        const life = lives.active();
        const before = life.messages().length;
        const expected = new Set<number>();
        for (const [from, length, isByTwig] of pieces) {
          const seqs = Array.from({ length: length + 1 }, (_, i) => from + i + 1);
          const messages = seqs.map((seq) => ({
            place: isByTwig ? { sessionId: 'twig', seq: 100 + seq } : { sessionId: 'b', seq },
            at: 1,
            message: {
              ...{ role: 'user' as const, content: `${seq}` },
              ...(isByTwig && { origin: { sessionId: 'b', seq } }),
            },
          }));
          const [first, last] = [messages[0]?.place.seq ?? 0, messages.at(-1)?.place.seq ?? 0];
          const sessionId = isByTwig ? 'twig' : 'b';
          life.send(merge({ parts: [], messages, taken: [{ sessionId, from: first, to: last }] }), openedAt);
          for (const seq of seqs) expected.add(seq);
        }
        const got = life.messages().slice(before);
        expect(got.map(({ data }) => Number(data.content)).sort((a, b) => a - b)).toEqual(
          [...expected].sort((a, b) => a - b),
        );
        expect(new Set(got.map(({ data }) => data.origin?.sessionId))).toEqual(new Set(['b']));
        expect(got.map(({ data }) => data.entry)).toEqual(
          [...got.keys()].map((i) => (got[0]?.data.entry ?? 0) + i),
        );
      }),
      { numRuns: 200 },
    );
  });
});

test('property: what is taken and what is left of a span are the span, whatever the order', () => {
  const span = fc
    .tuple(fc.constantFrom('a', 'b'), fc.nat(30), fc.nat(6))
    .map(([sessionId, from, length]): TakenSpan => ({ sessionId, from, to: from + length }));
  fc.assert(
    fc.property(fc.array(span, { maxLength: 8 }), span, (spans, asked) => {
      const ranges = spans.reduce((all, one) => withTaken(all, [one]), noRanges);
      expect(withTaken(noRanges, spans.toReversed())).toEqual(ranges);
      const left = leftOf(ranges, asked);
      for (let seq = asked.from; seq <= asked.to; seq++) {
        const known = spans.some(
          (one) => one.sessionId === asked.sessionId && one.from <= seq && seq <= one.to,
        );
        expect(isTaken(ranges, asked.sessionId, seq)).toBe(known);
        expect(left.some(([from, to]) => from <= seq && seq <= to)).toBe(!known);
      }
    }),
    { numRuns: 200 },
  );
});
