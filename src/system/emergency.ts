// An error that nobody caught: the process cannot be trusted any more and ends, as it always did. What it still does is keep
// snapshots of the sessions in memory and say why it went, within a budget; it never goes on.
import { lastResort } from '../actor/stray-errors.ts';
import { type Clock, delay } from '../base/clock.ts';
import type { Telemetry } from '../base/telemetry.ts';
import { recordedError } from '../domain/recorded-error.ts';
import type { BootLog } from '../recovery/boot/boot-log.ts';
import { tierBudgets } from '../recovery/strategies.ts';
import type { SessionManager } from '../session/session-manager.ts';

export interface EmergencyOptions {
  readonly clock: Clock;
  readonly telemetry: Telemetry;
  /** Whoever has the sessions just now; undefined while nobody has. */
  readonly manager: () => Pick<SessionManager, 'snapshotAll' | 'activeCount'> | undefined;
  readonly boots: () => Pick<BootLog, 'write'>;
}

/** Listens until the returned function is called. */
export function onEmergency(options: EmergencyOptions): () => void {
  let begun: Promise<void> | undefined;
  return lastResort((error, origin) => {
    begun ??= withinBudget(options.clock, saveAll(options, error, origin));
    return begun;
  });
}

function withinBudget(clock: Clock, work: Promise<void>): Promise<void> {
  return Promise.race([work.catch(() => undefined), delay(clock, tierBudgets.emergency)]);
}

/** The reason first: it is small, and the snapshots may not all be written. */
async function saveAll(options: EmergencyOptions, error: unknown, origin: string): Promise<void> {
  const { clock, telemetry, boots } = options;
  const manager = options.manager();
  const words = { at: clock.now(), origin, error: recordedError(error) };
  const missed = manager?.activeCount ?? 0;
  telemetry('system.emergency', { origin, problem: words.error.message, sessions: missed });
  await boots().write({ type: 'boot.emergency', record: { ...words, snapshots: 0, missed } });
  const { kept, failed } = (await manager?.snapshotAll()) ?? { kept: 0, failed: 0 };
  const record = { ...words, snapshots: kept, missed: failed };
  await boots().write({ type: 'boot.emergency', record });
}
