// The checker finds what could not have happened in any order, and takes what could; it agrees with trying all orders.
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { checkLinearizable, type LinearModel, type ObservedCall } from '../../src/testing/linearizability.ts';

type Input =
  | { readonly read: true }
  | { readonly write: number }
  | { readonly swap: readonly [number, number] };
type Output = number | boolean;
type Call = ObservedCall<Input, Output>;

const register: LinearModel<number, Input, Output> = {
  initial: 0,
  step(state, input, output) {
    if ('read' in input) return output === undefined || output === state ? { state } : undefined;
    if ('write' in input) return { state: input.write };
    const [from, to] = input.swap;
    const swapped = state === from;
    if (output !== undefined && output !== swapped) return undefined;
    return { state: swapped ? to : state };
  },
};

const read = (calledAt: number, returnedAt: number, output: number): Call => ({
  ...{ input: { read: true }, calledAt, returnedAt, output },
});
const write = (calledAt: number, returnedAt: number | undefined, value: number): Call => ({
  ...{ input: { write: value }, calledAt, returnedAt },
});
const swap = (calledAt: number, returnedAt: number, from: number, to: number, output: boolean): Call => ({
  ...{ input: { swap: [from, to] }, calledAt, returnedAt, output },
});

const verdictOf = (history: readonly Call[]): string => checkLinearizable(history, register).verdict;

describe('a history is taken', () => {
  test.each<[string, readonly Call[]]>([
    ['of nothing', []],
    ['of one after the other', [write(0, 1, 5), read(2, 3, 5), swap(4, 5, 5, 6, true), read(6, 7, 6)]],
    ['of a read beside a write, old or new', [write(0, 10, 1), read(1, 9, 0), read(1, 9, 1)]],
    ['of a lost answer whose write was seen', [write(0, undefined, 7), read(5, 6, 7)]],
    ['of a lost answer whose write was never seen', [write(0, undefined, 7), read(5, 6, 0), read(7, 8, 0)]],
    ['of swaps of which one wins', [swap(0, 9, 0, 1, true), swap(0, 9, 0, 2, false), read(10, 11, 1)]],
    ['of ends at one time, which overlap', [write(0, 5, 1), read(5, 6, 0)]],
  ])('%s', (_, history) => {
    const { verdict, order } = checkLinearizable(history, register);
    expect(verdict).toBe('linearizable');
    expect(order.length).toBeGreaterThanOrEqual(
      history.filter(({ returnedAt }) => returnedAt !== undefined).length,
    );
  });
});

describe('what is planted is found:', () => {
  test.each<[string, readonly Call[]]>([
    ['a stale read after a write was answered', [write(0, 1, 5), read(2, 3, 0)]],
    ['two reads that see new, then old', [write(0, 10, 1), read(1, 2, 1), read(3, 4, 0)]],
    ['a lost update: both swaps from one value win', [swap(0, 9, 0, 1, true), swap(0, 9, 0, 2, true)]],
    ['a value that nobody wrote', [write(0, 1, 5), read(0, 3, 6)]],
    ['a swap that was refused and took effect', [swap(0, 1, 0, 1, false), read(2, 3, 1)]],
    ['a lost write that is seen, and then is not', [write(0, undefined, 7), read(1, 2, 7), read(3, 4, 0)]],
    [
      'two readers who see two writes in two orders',
      [...[write(0, 100, 1), write(0, 100, 2)], ...[read(1, 2, 1), read(3, 4, 2), read(5, 6, 1)]],
    ],
  ])('%s', (_, history) => {
    expect(verdictOf(history)).toBe('violated');
  });
});

test('it agrees with trying all orders', () => {
  const input = fc.oneof(
    fc.constant<Input>({ read: true }),
    fc.nat({ max: 2 }).map((value): Input => ({ write: value })),
    fc.tuple(fc.nat({ max: 2 }), fc.nat({ max: 2 })).map((pair): Input => ({ swap: pair })),
  );
  const call = fc
    .record({
      input,
      calledAt: fc.nat({ max: 8 }),
      lasts: fc.nat({ max: 6 }),
      output: fc.nat({ max: 2 }),
      lost: fc.boolean(),
    })
    .map(({ input: asked, calledAt, lasts, output, lost }): Call => {
      const told: Output | undefined = 'read' in asked ? output : 'swap' in asked ? output > 0 : undefined;
      const isLost = lost && lasts === 0;
      return isLost
        ? { input: asked, calledAt }
        : { input: asked, calledAt, returnedAt: calledAt + lasts, output: told };
    });
  const verdicts = new Set<string>();
  fc.assert(
    fc.property(fc.array(call, { maxLength: 5 }), (history) => {
      const verdict = verdictOf(history);
      verdicts.add(verdict);
      expect(verdict).toBe(hasOrder(history, 0) ? 'linearizable' : 'violated');
    }),
    { numRuns: 3_000 },
  );
  expect(verdicts).toEqual(new Set(['linearizable', 'violated']));
});

/** Tries all orders of all that was answered and of any of what was not. */
function hasOrder(rest: readonly Call[], state: number): boolean {
  const pending = rest.filter(({ returnedAt }) => returnedAt !== undefined);
  if (pending.length === 0) return true;
  const earliest = Math.min(...pending.map(({ returnedAt = 0 }) => returnedAt));
  return rest.some((call) => {
    if (call.calledAt > earliest) return false;
    const next = register.step(state, call.input, call.output);
    return (
      next !== undefined &&
      hasOrder(
        rest.filter((other) => other !== call),
        next.state,
      )
    );
  });
}

test('a long history of many callers is judged, and one that would take too long is left open', () => {
  const history: Call[] = [];
  for (let n = 0; n < 20_000; n++) history.push(swap(n * 2, n * 2 + 5, n, n + 1, true));
  expect(verdictOf(history)).toBe('linearizable');
  const hard = Array.from({ length: 14 }, (_, n) => write(0, 100, n + 1));
  const { verdict, looked } = checkLinearizable([...hard, read(101, 102, 99)], register, { maxStates: 500 });
  expect([verdict, looked]).toEqual(['unknown', 501]);
  expect(() => verdictOf([read(5, 4, 0)])).toThrow(RangeError);
});
