// What operators hear: every report once, with its time, and a listener that throws harms only itself.
import { describe, expect, test } from 'vitest';
import { type TelemetryEvent, telemetryTo } from '../../src/base/telemetry.ts';

describe('telemetry', () => {
  test('reaches its listener with name, time and data', () => {
    const heard: TelemetryEvent[] = [];
    const telemetry = telemetryTo(
      (event) => heard.push(event),
      () => 42,
    );
    telemetry('session.crashed', { sessionId: 's' });
    telemetry('session.restarted');
    expect(heard).toEqual([
      { name: 'session.crashed', at: 42, data: { sessionId: 's' } },
      { name: 'session.restarted', at: 42, data: {} },
    ]);
  });

  test('goes on when its listener throws, and needs none', () => {
    const throwing = telemetryTo(
      () => {
        throw new Error('listener');
      },
      () => 0,
    );
    expect(() => throwing('a')).not.toThrow();
    expect(() => telemetryTo(undefined, () => 0)('a')).not.toThrow();
  });
});
