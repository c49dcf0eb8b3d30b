// The tables of the database as files: LevelDB compares no checksum when it compacts, and a damaged block may end the process
// then. What is found before that is repaired by reopening.
import type { Telemetry } from '../../base/telemetry.ts';
import type { StoreWatch } from '../store/store-report.ts';
import type { NamedDamage } from './named-damage.ts';
import type { Damage } from './scrub-check.ts';

export interface TableScrubOptions {
  readonly watch: Pick<StoreWatch, 'damagedTables' | 'suspect'>;
  readonly telemetry: Telemetry;
  readonly named: NamedDamage;
  /** Has the store reopened. */
  readonly reopen: (cause: Error) => void;
}

/** Answers with what was found; `pace` waits after so many bytes were read. */
export type TableScrub = (pace: (bytes: number) => Promise<void>) => Promise<readonly Damage[]>;

export function tableScrub({ watch, telemetry, named, reopen }: TableScrubOptions): TableScrub {
  return async (pace) => {
    const found = await watch.damagedTables(pace);
    const damages = found.map(({ file, problem }) => ({ stream: 'store', seq: file, problem }));
    for (const damage of damages) if (named.isNew(damage)) telemetry('scrub.damaged', { ...damage });
    const problem = damages.map(({ seq, problem: of }) => `${seq}: ${of}`).join('; ');
    if (found.length > 0 && watch.suspect(problem)) reopen(new Error(problem));
    return damages;
  };
}
