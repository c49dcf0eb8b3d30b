// Options that could only fail later are refused at once, with their place.
import { expect, test } from 'vitest';
import { wholeClock } from '../src/base/clock.ts';
import { createSystem, type SystemOptions } from '../src/index.ts';
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
  ['a number of a session that there is not', { store: faultyLevel().open, session: { bogus: 1 } }, 'bogus'],
])('a system with %s is not opened', async (_, options, place) => {
  const outcome = await rejected(options);
  expect(outcome).toMatch(/^INVALID_CONFIG: /);
  expect(outcome).toContain(place);
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
