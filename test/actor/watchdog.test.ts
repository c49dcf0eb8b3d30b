// The watchdog: a real loop that is blocked for real, and a judge that is asked with times of our own.
import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { describe, expect, test } from 'vitest';
import { type CodeName, Watchdog } from '../../src/actor/watchdog/watchdog.ts';
import { type JudgeOptions, StallJudge } from '../../src/actor/watchdog/watchdog-judge.ts';
import { createTestSystem } from '../../src/testing/index.ts';
import { quiet } from '../support/outcome.ts';

const options: JudgeOptions = { stallMs: 100, exitAfterMs: null, checkMs: 20 };

/** Looks every 20 ms from `from` to `to` while the loop stands still. */
function standing(judge: StallJudge, from: number, to: number, ticks = 0) {
  const verdicts = [];
  for (let now = from; now <= to; now += 20) verdicts.push(judge.look(now, ticks));
  return verdicts.filter((verdict) => verdict !== undefined);
}

describe('a loop', () => {
  test('that turns is never told of', () => {
    const judge = new StallJudge(options, 0, 0);
    for (let i = 1; i < 1_000; i++) expect(judge.look(i * 20, Math.floor(i / 4))).toBeUndefined();
  });

  test('that stands still is told of when it has for so long, then ever more rarely, then that it turns again', () => {
    const judge = new StallJudge(options, 0, 0);
    expect(standing(judge, 20, 900)).toEqual([
      { type: 'stalled', stalledMs: 100, isFirst: true },
      { type: 'stalled', stalledMs: 200, isFirst: false },
      { type: 'stalled', stalledMs: 400, isFirst: false },
      { type: 'stalled', stalledMs: 800, isFirst: false },
    ]);
    expect(judge.look(920, 1)).toEqual({ type: 'ended', stalledMs: 920 });
    expect(standing(judge, 940, 1_020, 1)).toEqual([{ type: 'stalled', stalledMs: 100, isFirst: true }]);
  });

  test('whose process was suspended did not stand still', () => {
    const judge = new StallJudge(options, 0, 0);
    expect(judge.look(20, 0)).toBeUndefined();
    expect(judge.look(3_600_000, 0)).toBeUndefined();
    expect(standing(judge, 3_600_020, 3_600_040)).toEqual([]);
    expect(standing(judge, 3_600_060, 3_600_080)).toMatchObject([{ type: 'stalled', isFirst: true }]);
  });

  test('that stands still for too long ends the process, where that was asked for', () => {
    const judge = new StallJudge({ ...options, exitAfterMs: 150 }, 0, 0);
    expect(standing(judge, 20, 160).at(-1)).toEqual({ type: 'fatal', stalledMs: 160 });
  });
});

/** Blocks the loop until the watchdog's thread has had its chance to see it. */
function block(ms: number): void {
  const until = performance.now() + ms;
  while (performance.now() < until);
}

type Code = { readonly runId?: string };

async function watched() {
  const stalls: (CodeName & Code)[] = [];
  const watchdog = new Watchdog({ stallMs: 20, exitAfterMs: null, report: (stall) => stalls.push(stall) });
  /** On a machine that does much else its thread may miss one: the same again is another chance. */
  const told = async (ms: number, { runId }: Code, stall: () => void | Promise<void>): Promise<CodeName> => {
    for (;;) {
      await stall();
      await quiet();
      const found = stalls.find((each) => Number(each.stalledMs) >= ms && each.runId === runId);
      if (found !== undefined) return found;
    }
  };
  // Its thread is there once it has seen a stall.
  while (stalls.length === 0) {
    block(60);
    await quiet(5);
  }
  stalls.length = 0;
  return { watchdog, told };
}

test('whose code blocks is named, also in the rest of the turn in which it got an answer', async () => {
  const { watchdog, told } = await watched();
  const called = { sessionId: 's', agent: 'a', runId: 'r1' };
  expect(await told(150, called, () => watchdog.run(called, () => block(200)))).toMatchObject(called);
  const answered = { ...called, runId: 'r2' };
  const goesOn = async (): Promise<void> => {
    watchdog.goesOn(answered);
    await Promise.resolve();
    block(200);
  };
  expect(await told(150, answered, goesOn)).toMatchObject(answered);
  await quiet();
  // Longer than any that its thread has seen before it was asked of.
  expect(await told(350, {}, () => block(400))).not.toHaveProperty('sessionId');
  await watchdog.close();
});

test.each([
  ['at once', false, undefined],
  ['behind an answer', false, async (session: { get(): Promise<unknown> }) => void (await session.get())],
  ['behind a timer of its own', true, () => new Promise<void>((resolve) => setTimeout(resolve, 1))],
])('an agent that blocks %s is told with its session', async (_, captureStrayErrors, before) => {
  await using test = await createTestSystem({
    watchdog: { stallMs: 20 },
    captureStrayErrors,
    agents: {
      async busy({ session }) {
        if (before !== undefined) await before(session);
        block(200);
      },
    },
  });
  // Its thread takes a while to begin.
  while (!test.telemetry.some(({ name }) => name === 'eventLoop.stalled')) {
    block(60);
    await quiet(5);
  }
  await test.client.sessions.create({ sessionId: 's' });
  const stall = () => test.telemetry.find(({ name, data }) => name === 'eventLoop.stalled' && data.runId);
  // On a machine that does much else its thread may miss one: another run is another chance.
  while (stall() === undefined) {
    const { runId } = await test.client.agents.start({ sessionId: 's', agent: 'busy' });
    await test.client.agents.wait({ sessionId: 's', runId });
    await quiet(5);
  }
  expect(stall()?.data).toMatchObject({ sessionId: 's', agent: 'busy' });
});

test('a process that an agent blocks for good says so on stderr, and ends where that was asked for', () => {
  const child = fileURLToPath(new URL('../../.build/test/support/watchdog-child.js', import.meta.url));
  const { signal, stderr } = spawnSync(process.execPath, [child], { encoding: 'utf8', timeout: 20_000 });
  expect(signal).toBe('SIGKILL');
  const lines = stderr
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line));
  // Before the agent a start may stall on a machine that does much else.
  const data = expect.objectContaining({ sessionId: 's', agent: 'busy' });
  expect(lines).toContainEqual(expect.objectContaining({ name: 'eventLoop.stalled', data }));
  expect(lines.at(-1)).toMatchObject({ name: 'eventLoop.killed', data });
  expect(lines.length).toBeGreaterThan(2);
});
