// The backups of a system, from its options.
import { resolve } from 'node:path';
import { resting } from '../actor/service.ts';
import type { SystemConfig } from '../base/config.ts';
import { Backups } from '../jobs/backups.ts';
import type { LevelJournal } from '../journal/level-journal.ts';
import { readStoreId } from '../journal/store/store-directory.ts';
import type { Ports } from './system-options.ts';

export function systemBackups(
  config: SystemConfig,
  { clock, telemetry }: Ports,
  journal: LevelJournal,
): Backups {
  const { location, backupDirectory, backupEveryMs, backupBytesPerSecond, backupRetention } = config;
  const beside = location === undefined ? undefined : `${resolve(location)}-backups`;
  const storeId = async (): Promise<string | undefined> =>
    location === undefined ? undefined : readStoreId(location);
  return new Backups({
    ...{ journal, clock, telemetry, storeId },
    directory: backupDirectory === undefined ? beside : resolve(backupDirectory),
    everyMs: backupEveryMs,
    bytesPerSecond: backupBytesPerSecond,
    retention: backupRetention,
  });
}

/** It reads nothing but the journal, so that it stands before the sessions and goes on when they are started again. */
export async function startBackups(backups: Backups): Promise<ReturnType<typeof resting>> {
  await backups.start();
  return resting('backups', () => backups.stop());
}
