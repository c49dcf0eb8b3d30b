// Each layer of the cascade can be reached alone and beside any other, and none hides what another finds.
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  ageOfBeat,
  type CrashEvidence,
  crashPolicy,
  judgeCrash,
} from '../../src/recovery/boot/crash-cascade.ts';

const bootId = 'boot-1';
const observer = { at: 10_000_000, monotonicMs: 5_000_000, bootId, stalledMs: 0 };
const owner = { pid: 7, startedAt: '100', bootId };
const calm: CrashEvidence = { shutdown: 'unclean', observer };
const staleBeat = { at: 9_000_000, monotonicMs: 4_900_000, bootId };
const freshBeat = { at: 9_999_000, monotonicMs: 4_999_000, bootId };

/** What each layer alone is shown, and what it says then. */
const layers = {
  process_died: { process: { owner, living: undefined } },
  machine_restarted: { process: { owner: { ...owner, bootId: 'boot-0' }, living: undefined } },
  heartbeat_timeout: { lastBeat: staleBeat },
  state_corrupted: { integrity: { lost: 1, damaged: 0, repaired: false, logFindings: 0 } },
  disk_full: { disk: { freeBytes: crashPolicy.minFreeBytes - 1 } },
  orphaned: { lastActivityAt: observer.at - crashPolicy.orphanAfterMs - 1 },
} as const satisfies Record<string, Partial<CrashEvidence>>;

type Layer = keyof typeof layers;
const names = Object.keys(layers) as Layer[];
const pairs = names.flatMap((a, i) => names.slice(i + 1).map((b) => [a, b] as const));

describe('the crash cascade', () => {
  test.each(names)('finds %s alone', (name) => {
    expect(judgeCrash({ ...calm, ...layers[name] })).toEqual({
      crashed: true,
      reasons: [name],
      primary: name,
    });
  });

  test.each(pairs.filter(([a, b]) => !(a === 'process_died' && b === 'machine_restarted')))(
    'finds %s and %s together',
    (a, b) => {
      const { reasons } = judgeCrash({ ...calm, ...layers[a], ...layers[b] });
      expect(new Set(reasons)).toEqual(new Set([a, b]));
    },
  );

  test('takes a process that lives and does not beat for hung, and one that beats for well', () => {
    const alive = { owner, living: owner };
    expect(judgeCrash({ ...calm, process: alive, lastBeat: staleBeat }).reasons).toEqual([
      'process_hung',
      'heartbeat_timeout',
    ]);
    expect(judgeCrash({ ...calm, process: alive, lastBeat: freshBeat }).reasons).toEqual(['unknown']);
  });

  test('does not take another process with the same pid for the owner', () => {
    const process = { owner, living: { ...owner, startedAt: '101' } };
    expect(judgeCrash({ ...calm, process }).primary).toBe('process_died');
  });

  test.each([
    ['lost', { lost: 1, damaged: 0, repaired: false, logFindings: 0 }],
    ['damaged', { lost: 0, damaged: 1, repaired: false, logFindings: 0 }],
    ['repaired', { lost: 0, damaged: 0, repaired: true, logFindings: 0 }],
    ['told of by the log', { lost: 0, damaged: 0, repaired: false, logFindings: 1 }],
  ])('finds what is %s after an end in order too', (_, integrity) => {
    const verdict = judgeCrash({ ...calm, shutdown: 'clean', integrity });
    expect(verdict).toEqual({ crashed: true, reasons: ['state_corrupted'], primary: 'state_corrupted' });
  });

  test('hears of processes, beats and orphans only when the end was not in order', () => {
    const { process_died, heartbeat_timeout, orphaned } = layers;
    for (const shutdown of ['clean', 'new'] as const)
      expect(judgeCrash({ ...calm, ...process_died, ...heartbeat_timeout, ...orphaned, shutdown })).toEqual({
        crashed: false,
        reasons: [],
        primary: null,
      });
  });

  test('says of an end that no layer can explain that it is unknown', () => {
    expect(judgeCrash(calm)).toEqual({ crashed: true, reasons: ['unknown'], primary: 'unknown' });
  });

  test('finds an orphan without a beat and without a checkpoint, at the millisecond', () => {
    const at = (ms: number) => judgeCrash({ ...calm, lastActivityAt: observer.at - ms }).reasons;
    expect(at(crashPolicy.orphanAfterMs)).toEqual(['unknown']);
    expect(at(crashPolicy.orphanAfterMs + 1)).toEqual(['orphaned']);
  });

  test('property: more evidence never takes a reason away', () => {
    const subset = fc.subarray(names);
    fc.assert(
      fc.property(subset, subset, fc.constantFrom('unclean', 'clean'), (some, more, shutdown) => {
        const shown = (of: readonly Layer[]): CrashEvidence =>
          Object.assign({}, ...of.map((name) => layers[name]), { observer, shutdown });
        const process = some.find((name) => name in layers && 'process' in layers[name]);
        const beside = more.filter((name) => process === undefined || !('process' in layers[name]));
        const before = judgeCrash(shown(some)).reasons.filter((reason) => reason !== 'unknown');
        expect(judgeCrash(shown([...some, ...beside])).reasons).toEqual(expect.arrayContaining([...before]));
      }),
    );
  });
});

describe('the age of a beat', () => {
  const beat = { at: 9_000_000, monotonicMs: 4_990_000, bootId };

  test('is counted on the clock that nobody sets, less what the observer slept itself', () => {
    expect(ageOfBeat(beat, observer)).toEqual({ ageMs: 10_000, by: 'monotonic' });
    expect(ageOfBeat(beat, { ...observer, stalledMs: 9_000 })).toEqual({ ageMs: 1_000, by: 'monotonic' });
    expect(ageOfBeat(beat, { ...observer, at: 0 })).toEqual({ ageMs: 10_000, by: 'monotonic' });
  });

  test('is what the wall says across a reboot, and where the machine does not tell its boots apart', () => {
    expect(ageOfBeat(beat, { ...observer, bootId: 'boot-2' })).toEqual({ ageMs: 1_000_000, by: 'wall' });
    expect(ageOfBeat({ ...beat, bootId: '' }, { ...observer, bootId: '' }).by).toBe('wall');
    expect(ageOfBeat({ ...beat, at: observer.at + 5 }, { ...observer, bootId: 'boot-2' }).ageMs).toBe(0);
  });

  test.each([
    [5_000, 15_000],
    [10_000, 30_000],
    [30_000, 120_000],
  ])('a process that beats every %i ms is well until %i ms have passed', (everyMs, heartbeatTimeoutMs) => {
    const policy = { ...crashPolicy, heartbeatTimeoutMs };
    const reasonsAfter = (ms: number) =>
      judgeCrash({ ...calm, lastBeat: { ...beat, monotonicMs: observer.monotonicMs - ms } }, policy).reasons;
    expect(reasonsAfter(everyMs)).toEqual(['unknown']);
    expect(reasonsAfter(heartbeatTimeoutMs)).toEqual(['unknown']);
    expect(reasonsAfter(heartbeatTimeoutMs + 1)).toEqual(['heartbeat_timeout']);
  });
});
