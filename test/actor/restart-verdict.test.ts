// The restart verdict as a table: how often, how fast, and what earns a child new restarts.
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  agentRestartPolicy,
  type Exit,
  type RestartPolicy,
  sessionRestartPolicy,
} from '../../src/actor/child-spec.ts';
import {
  judgeRestart,
  noRestarts,
  type RestartHistory,
  type RestartVerdict,
  type Run,
} from '../../src/actor/restart-verdict.ts';

const policy: RestartPolicy = {
  restart: 'transient',
  intensity: { maxRestarts: 3, periodMs: 1_000 },
  backOff: { firstMs: 10, longestMs: 100 },
};

const crash: Exit = { reason: 'crash', error: new Error('boom') };
const run = (upMs: number, progressed = false, exit: Exit = crash): Run => ({ upMs, progressed, exit });

/** The verdicts on incarnations that followed each other. */
function judgeAll(runs: readonly Run[], of = policy): RestartVerdict[] {
  let history: RestartHistory = noRestarts;
  return runs.map((next) => {
    const verdict = judgeRestart(of, next, history);
    if (verdict.verdict !== 'stop') history = verdict.history;
    return verdict;
  });
}

const words = (runs: readonly Run[], of = policy): string[] =>
  judgeAll(runs, of).map(({ verdict }) => verdict);

describe('whether a child is started again depends on how it ended', () => {
  test.each([
    ['permanent', 'crash', 'restart'],
    ['permanent', 'normal', 'restart'],
    ['permanent', 'shutdown', 'restart'],
    ['transient', 'crash', 'restart'],
    ['transient', 'normal', 'stop'],
    ['transient', 'shutdown', 'stop'],
    ['temporary', 'crash', 'stop'],
    ['temporary', 'normal', 'stop'],
    ['temporary', 'shutdown', 'stop'],
  ] as const)('%s after %s: %s', (restart, reason, verdict) => {
    const exit: Exit = reason === 'crash' ? crash : { reason };
    expect(words([run(0, false, exit)], { ...policy, restart })).toEqual([verdict]);
  });
});

describe('how a crash asks to be started again', () => {
  const asking = (again: 'free' | 'later' | 'never'): Run => ({
    ...{ upMs: 0, progressed: false },
    exit: { reason: 'crash', error: new Error('boom'), again },
  });

  test('free: at once, charged to nothing, also where the policy has no more to grant', () => {
    const verdicts = judgeAll([...Array.from({ length: 50 }, () => asking('free')), run(0)]);
    for (const verdict of verdicts.slice(0, -1))
      expect(verdict).toEqual({ verdict: 'restart', afterMs: 0, history: { uptimeMs: 0, failures: [] } });
    expect(verdicts.at(-1)).toMatchObject({ verdict: 'restart', afterMs: 0 });
    expect(words([asking('free')], { ...policy, restart: 'temporary' })).toEqual(['restart']);
  });

  test('free: what was charged before stays charged', () => {
    expect(words([run(0), run(0), run(0), asking('free'), run(0)])).toEqual([
      ...['restart', 'restart', 'restart', 'restart', 'giveUp'],
    ]);
  });

  test('later: charged as any other, and behind a back-off from the first', () => {
    const verdicts = judgeAll([asking('later'), asking('later'), asking('later'), asking('later')]);
    expect(verdicts).toMatchObject([
      { afterMs: 10 },
      { afterMs: 20 },
      { afterMs: 40 },
      { verdict: 'giveUp' },
    ]);
  });

  test.each(['permanent', 'transient', 'temporary'] as const)('never: not even %s', (restart) => {
    expect(words([asking('never')], { ...policy, restart })).toEqual(['stop']);
  });
});

describe('how often', () => {
  test('as often as the policy says, and not once more', () => {
    const verdicts = judgeAll([run(0), run(0), run(0), run(0)]);
    expect(verdicts.map(({ verdict }) => verdict)).toEqual(['restart', 'restart', 'restart', 'giveUp']);
    expect(verdicts.at(-1)).toMatchObject({ restarts: 3 });
  });

  test('never, when the policy allows none', () => {
    expect(words([run(0)], { ...policy, intensity: { maxRestarts: 0, periodMs: 1_000 } })).toEqual([
      'giveUp',
    ]);
  });

  test.each([
    [999, 'giveUp'],
    [1_000, 'giveUp'],
    [1_001, 'restart'],
  ])('a crash is forgotten after more than a period of uptime: %i ms later it is %s', (upMs, verdict) => {
    expect(words([run(0, true), run(0), run(0), run(upMs, true)]).at(-1)).toBe(verdict);
  });

  test('each crash is forgotten by itself, when its own period has passed', () => {
    const later = [run(0), run(600, true), run(0), run(401, true), run(600, true), run(0), run(0)];
    expect(words(later)).toEqual([...Array(6).fill('restart'), 'giveUp']);
  });

  test('without durable progress no crash is ever forgotten, however long the child was up', () => {
    expect(words([run(0), run(1e9), run(1e9), run(1e9)])).toEqual([
      'restart',
      'restart',
      'restart',
      'giveUp',
    ]);
  });

  test('progress counts for the crashes before it, not for those after it', () => {
    const verdicts = judgeAll([run(0), run(10, true), run(2_000), run(2_000), run(2_000), run(0)]);
    expect(verdicts.map(({ verdict }) => verdict)).toEqual([
      ...['restart', 'restart', 'restart', 'restart', 'giveUp'],
      'giveUp',
    ]);
  });

  test('uptime is summed over incarnations', () => {
    const brief = Array.from({ length: 12 }, () => run(400, true));
    expect(new Set(words(brief))).toEqual(new Set(['restart']));
    const briefer = Array.from({ length: 12 }, () => run(300, true));
    expect(words(briefer)).toContain('giveUp');
  });
});

describe('how fast', () => {
  test('at once, then after a delay that doubles up to the longest', () => {
    const many = { ...policy, intensity: { maxRestarts: 8, periodMs: 1_000 } };
    const waits = judgeAll(
      Array.from({ length: 8 }, () => run(0)),
      many,
    ).map((verdict) => (verdict.verdict === 'restart' ? verdict.afterMs : undefined));
    expect(waits).toEqual([0, 10, 20, 40, 80, 100, 100, 100]);
  });

  test('at once again, when all crashes before have been forgotten', () => {
    expect(judgeAll([run(0), run(0), run(1_001, true)]).at(-1)).toMatchObject({ afterMs: 0 });
  });

  test('the delay has an end even after a thousand restarts', () => {
    const endless = { ...policy, intensity: { maxRestarts: 5_000, periodMs: 1_000 } };
    const last = judgeAll(
      Array.from({ length: 1_100 }, () => run(0)),
      endless,
    ).at(-1);
    expect(last).toMatchObject({ verdict: 'restart', afterMs: 100 });
  });
});

test.each([
  ['a session', 10, sessionRestartPolicy],
  ['an agent', 5, agentRestartPolicy],
])('%s may crash %i times within a minute of uptime', (_, times, of) => {
  const gapMs = 60_000 / times;
  const crashes = Array.from({ length: times + 1 }, () => run(gapMs, true));
  expect(words(crashes, of)).toEqual([...Array(times).fill('restart'), 'giveUp']);
  const rarer = Array.from({ length: 100 }, () => run(gapMs + 1, true));
  expect(new Set(words(rarer, of))).toEqual(new Set(['restart']));
});

test('a clock that was set back takes no uptime away', () => {
  const verdicts = judgeAll([run(500, true), run(-10_000, true), run(501, true)]);
  expect(verdicts.at(-1)).toMatchObject({ history: { uptimeMs: 1_001, failures: { length: 3 } } });
});

test('one history serves all children of a supervisor, each judged by its own restart type', () => {
  const all = { ...policy, intensity: { maxRestarts: 1, periodMs: 1_000 } };
  const first = judgeRestart(
    { ...all, restart: 'permanent' },
    run(5, true, { reason: 'normal' }),
    noRestarts,
  );
  if (first.verdict !== 'restart') throw new Error(first.verdict);
  const rests = judgeRestart(all, run(900, true, { reason: 'normal' }), first.history);
  expect(rests).toEqual({ verdict: 'stop' });
  expect(judgeRestart(all, run(1_000, true), first.history)).toMatchObject({
    verdict: 'giveUp',
    restarts: 1,
  });
  expect(judgeRestart(all, run(1_001, true), first.history)).toMatchObject({ verdict: 'restart' });
});

test('a verdict changes nothing that it was given, and the same input gives the same verdict', () => {
  const runs = fc.array(fc.record({ upMs: fc.nat(2_000), progressed: fc.boolean() }), {
    maxLength: 30,
    size: 'max',
  });
  fc.assert(
    fc.property(runs, (chosen) => {
      let history: RestartHistory = noRestarts;
      for (const { upMs, progressed } of chosen) {
        const before = JSON.stringify(history);
        const verdict = judgeRestart(policy, run(upMs, progressed), history);
        expect(judgeRestart(policy, run(upMs, progressed), history)).toEqual(verdict);
        expect(JSON.stringify(history)).toBe(before);
        if (verdict.verdict !== 'stop') history = verdict.history;
        expect(history.failures.length).toBeGreaterThan(0);
      }
    }),
  );
});
