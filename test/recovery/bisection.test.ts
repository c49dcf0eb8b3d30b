// The search for what cannot be folded: it finds the event whatever a try says of its own end, within few tries, and gives up
// rather than park a whole session.
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { type Attempt, bisect } from '../../src/recovery/trial/bisection.ts';
import type { ProbeVerdict } from '../../src/recovery/trial/probe.ts';

interface World {
  readonly poison: readonly number[];
  readonly through: number;
  readonly first?: number;
  /** What a try that was ended from outside says it was at. */
  readonly says?: (seq: number) => number;
  readonly how?: 'threw' | 'stalled' | 'died';
}

function worldOf({ poison, through, first = 0, says = (seq) => seq, how = 'stalled' }: World) {
  const tries: number[] = [];
  const attempt: Attempt = async (to, parked): Promise<ProbeVerdict> => {
    tries.push(to);
    const out = new Set(parked.map(({ seq }) => seq));
    const at = poison.find((seq) => seq <= to && !out.has(seq));
    if (at === undefined) return { ok: true };
    return { ok: false, seq: how === 'threw' ? at : says(at), how, problem: `at ${at}` };
  };
  const task = { from: 0, first, through, parked: [], attempt, hashOf: async (seq: number) => `hash ${seq}` };
  return { tries, result: () => bisect(task) };
}

test('it finds every poisonous event, also when what a try says of its end is wrong', async () => {
  const cases = fc.record({
    through: fc.integer({ min: 1, max: 500 }),
    poison: fc.uniqueArray(fc.integer({ min: 1, max: 500 }), { maxLength: 8 }),
    how: fc.constantFrom('threw' as const, 'stalled' as const, 'died' as const),
    off: fc.integer({ min: -600, max: 600 }),
  });
  await fc.assert(
    fc.asyncProperty(cases, async ({ through, poison, how, off }) => {
      const within = poison.filter((seq) => seq <= through).sort((a, b) => a - b);
      const result = await worldOf({ poison: within, through, how, says: (seq) => seq + off }).result();
      const found = result.outcome === 'poisoned' ? result.poison.map(({ seq, hash }) => [seq, hash]) : [];
      expect(result.outcome).toBe(within.length === 0 ? 'clean' : 'poisoned');
      expect(found).toEqual(within.map((seq) => [seq, `hash ${seq}`]));
    }),
  );
});

test('what a try says of its end costs three tries more, and a wrong word a search by halves', async () => {
  const right = worldOf({ poison: [700], through: 1_000 });
  await right.result();
  expect(right.tries).toEqual([1_000, 699, 700, 1_000]);
  const wrong = worldOf({ poison: [700], through: 1_000, says: () => 1 });
  await wrong.result();
  expect(wrong.tries.length).toBeLessThan(20);
  const threw = worldOf({ poison: [700], through: 1_000, how: 'threw' });
  await threw.result();
  expect(threw.tries).toEqual([1_000, 1_000]);
});

test('with more than eight such events, the very first among them, or no process to try in, nothing is parked', async () => {
  const poison = Array.from({ length: 9 }, (_, i) => i + 1);
  expect(await worldOf({ poison, through: 20 }).result()).toMatchObject({ outcome: 'unfoldable' });
  const unavailable = async (): Promise<ProbeVerdict> => ({
    ...{ ok: false, seq: 0, how: 'unavailable', problem: 'no process' },
  });
  const { result: first } = worldOf({ poison: [1], through: 20, first: 1 });
  expect(await first()).toMatchObject({ outcome: 'unfoldable' });
  const task = { from: 0, first: 0, through: 3, parked: [], attempt: unavailable, hashOf: async () => '' };
  expect(await bisect(task)).toEqual({ outcome: 'untried', problem: 'no process' });
});

test('a record that cannot be proven is no matter of the law: whoever reads it hears what it is', async () => {
  const damaged = async (): Promise<ProbeVerdict> => ({
    ...{ ok: false, seq: 2, how: 'damaged', problem: 'its hash' },
  });
  const task = { from: 0, first: 0, through: 3, parked: [], attempt: damaged, hashOf: async () => '' };
  expect(await bisect(task)).toEqual({ outcome: 'clean' });
});

test('a process that was ended for nothing does not cost an innocent event its place', async () => {
  for (const at of [5, 10]) {
    const tries: number[] = [];
    const attempt: Attempt = async (through): Promise<ProbeVerdict> => {
      tries.push(through);
      return tries.length > 1 ? { ok: true } : { ok: false, seq: at, how: 'died', problem: 'SIGKILL' };
    };
    const task = { from: 0, first: 0, through: 10, parked: [], attempt, hashOf: async () => '' };
    expect(await bisect(task)).toEqual({ outcome: 'clean' });
  }
  const now = { count: 0 };
  const attempt: Attempt = async (through): Promise<ProbeVerdict> =>
    through === 10 && now.count++ % 2 === 0
      ? { ok: false, seq: 10, how: 'died', problem: 'SIGKILL' }
      : { ok: true };
  const task = { from: 0, first: 0, through: 10, parked: [], attempt, hashOf: async () => '' };
  expect(await bisect(task)).toMatchObject({ outcome: 'unfoldable' });
});

test('a process that ended before it had folded anything says nothing of any event', async () => {
  const tries: string[] = [];
  const attempt: Attempt = async (through) => {
    tries.push(String(through));
    const problem = 'the process ended with SIGKILL before it had folded anything';
    return tries.length === 1
      ? { ok: false, seq: 501, how: 'died', problem: 'as it folded the last' }
      : { ok: false, seq: 500, how: 'unavailable', problem };
  };
  const found = await bisect({
    from: 500,
    first: 1,
    through: 501,
    parked: [],
    attempt,
    hashOf: async () => 'h',
  });
  expect(found).toMatchObject({ outcome: 'unfoldable' });
});
