// What operators hear: every crash, restart, drop and recovery as a small event. A sink can never throw into the house.

/** One operational event. `name` is noun.pastTense; `data` is plain and holds no payloads. */
export interface TelemetryEvent {
  readonly name: string;
  readonly at: number;
  readonly data: Readonly<Record<string, unknown>>;
}

export type Telemetry = (name: string, data?: Readonly<Record<string, unknown>>) => void;

/** A telemetry port over the user's listener; without one it costs a call. */
export function telemetryTo(
  listener: ((event: TelemetryEvent) => void) | undefined,
  now: () => number,
): Telemetry {
  if (listener === undefined) return () => {};
  return (name, data = {}) => {
    try {
      listener({ name, at: now(), data });
    } catch {
      // a listener that throws harms only itself
    }
  };
}
