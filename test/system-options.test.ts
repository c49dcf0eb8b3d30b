// Options that could only fail later are refused at once, with their place.
import { expect, test } from 'vitest';
import { wholeClock } from '../src/base/clock.ts';
import { parseConfig } from '../src/base/config.ts';
import { createSystem, type HoldfastError, type SystemOptions } from '../src/index.ts';
import { configChanges } from '../src/operations/session-config-schema.ts';
import { faultyLevel } from '../src/testing/faulty-level.ts';
import { manualClock } from '../src/testing/manual-clock.ts';

const rejected = async (options: unknown): Promise<string> => {
  try {
    await createSystem(options as SystemOptions);
    return 'opened';
  } catch (error) {
    return `${(error as { code?: string }).code}: ${(error as Error).message}`;
  }
};

test.each([
  ['nothing', undefined, 'options'],
  ['null', null, 'options'],
  ['no location', {}, 'location'],
  ['an unknown name', { locatoin: '/tmp/x' }, 'locatoin'],
  ['a store that is no function', { store: 5 }, 'store'],
  ['a clock that tells no time', { store: faultyLevel().open, clock: {} }, 'clock'],
  ['a listener that is none', { store: faultyLevel().open, onTelemetry: 5 }, 'onTelemetry'],
  [
    'process managers that are no list',
    { store: faultyLevel().open, processManagers: null },
    'processManagers',
  ],
  [
    'a process manager that cannot react',
    { store: faultyLevel().open, processManagers: [{ name: 'x' }] },
    'react',
  ],
  [
    'two process managers of one name',
    {
      store: faultyLevel().open,
      processManagers: [
        { name: 'x', react() {} },
        { name: 'x', react() {} },
      ],
    },
    'processManagers.1: x is taken twice',
  ],
  [
    'a process manager that is none',
    { store: faultyLevel().open, processManagers: [null] },
    'processManagers.0',
  ],
  ['an observer that observes nothing', { store: faultyLevel().open, inspect: {} }, 'inspect'],
  ['a number of a session that there is not', { store: faultyLevel().open, session: { bogus: 1 } }, 'bogus'],
])('a system with %s is not opened', async (_, options, place) => {
  const outcome = await rejected(options);
  expect(outcome).toMatch(/^INVALID_CONFIG: /);
  expect(outcome).toContain(place);
});

test('all that is wrong is said at once, each fault with its place', async () => {
  const problems = [
    'limits: ',
    'maxSessions: ',
    'mailboxSize: ',
    'clock: give an object with now() and schedule()',
    'inspect: give a function or an object with next()',
    'processManagers.0: undefined is not a name',
    'processManagers.0: undefined has no function named react',
    'processManagers.1: a/b is not a name',
    'session.messageWindow: ',
    'session: Unrecognized key: "bogus"',
    'options: Unrecognized key: "locatoin"',
    'location: give the directory',
  ];
  const options = {
    ...{ limits: 'lax', maxSessions: 0, mailboxSize: '5', locatoin: '/tmp/x', clock: {}, inspect: {} },
    processManagers: [{}, { name: 'a/b', react() {} }],
    session: { messageWindow: -1, bogus: 1 },
  };
  const error = await createSystem(options as unknown as SystemOptions).catch((thrown: unknown) => thrown);
  const { faults } = (error as HoldfastError).details as { faults: readonly string[] };
  for (const problem of problems) expect(faults.filter((fault) => fault.startsWith(problem))).toHaveLength(1);
  expect(faults).toHaveLength(problems.length);
  expect((error as HoldfastError).details.problem).toBe(faults.join('; '));
});

test('what is given beside a preset wins over it', () => {
  const strict = parseConfig(
    { location: 'x', limits: 'strict', maxSessions: null, mailboxSize: 7 },
    configChanges,
  );
  expect(strict.config).toMatchObject({ maxSessions: null, mailboxSize: 7, operationTimeoutMs: 30_000 });
  expect(parseConfig({ location: 'x', maxSessions: 3 }, configChanges).config.maxSessions).toBe(3);
});

test('a clock of the user that is not whole, or has no time to say, is taken for the last whole time that it said', async () => {
  const clock = manualClock(1_000);
  let now = 1_000.7;
  const whole = wholeClock({ ...clock, now: () => now });
  expect(whole.now()).toBe(1_000);
  for (const wrong of [Number.NaN, Number.POSITIVE_INFINITY, 9e15]) {
    now = wrong;
    expect(whole.now()).toBe(1_000);
  }
  await using system = await createSystem({ store: faultyLevel().open, clock: { ...clock, now: () => now } });
  now = 2_000.5;
  const { sessionId } = await system.client.sessions.create({});
  expect((await system.client.sessions.get({ sessionId })).createdAt).toBe(2_000);
});
