// Where the beats of a process are kept: a small file beside the store, or memory for a store without a directory. Written
// apart from everything else, and never synced: a beat that is lost with the machine says nothing that the boot id does not.
import { readFile, rename, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { ProcessIdentity } from '../../base/process-identity.ts';

export interface Beat {
  /** Milliseconds since the epoch. */
  readonly at: number;
  readonly monotonicMs: number;
  /** Counted from 1 in the life of the process. */
  readonly beats: number;
  /** How long its event loop had stood still by then, summed over its beats. */
  readonly stalledMs: number;
  readonly owner: ProcessIdentity;
  /** Set with the last beat of a process that ended in order. */
  readonly graceful?: boolean;
}

export interface HeartbeatStore {
  /** The newest beat; undefined when there is none, or none that can be read. */
  read(): Promise<Beat | undefined>;
  write(beat: Beat): Promise<void>;
}

const fileName = 'heartbeat.json';
const draftName = `${fileName}.draft`;

/** What is opened in the directory of the store. */
export const heartbeatFiles: readonly string[] = [fileName, draftName];

export function heartbeatFile(directory: string): HeartbeatStore {
  const path = join(directory, fileName);
  return {
    read: async () => parseBeat(await readFile(path, 'utf8').catch(() => '')),
    async write(beat) {
      const draft = join(directory, draftName);
      await writeFile(draft, `${JSON.stringify(beat)}\n`, { mode: 0o600 });
      await rename(draft, path);
    },
  };
}

/** Beats in memory: they outlive a system that died in a test. */
export function heartbeatMemory(): HeartbeatStore {
  let newest: Beat | undefined;
  return {
    read: async () => newest,
    async write(beat) {
      newest = beat;
    },
  };
}

function parseBeat(text: string): Beat | undefined {
  try {
    const beat = JSON.parse(text) as Beat | null;
    const numbers = [beat?.at, beat?.monotonicMs, beat?.beats, beat?.stalledMs, beat?.owner?.pid];
    const isWhole = numbers.every((value) => typeof value === 'number' && Number.isFinite(value));
    return isWhole && typeof beat?.owner.bootId === 'string' ? beat : undefined;
  } catch {
    return undefined;
  }
}
