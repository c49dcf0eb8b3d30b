// A process that cannot be mistaken for a later one with the same pid, and the clock that nobody sets.
import { readFileSync } from 'node:fs';
import { readFile } from 'node:fs/promises';

export interface ProcessIdentity {
  readonly pid: number;
  /** In clock ticks since the machine was started; empty where the system does not tell. */
  readonly startedAt: string;
  /** Of this run of the machine's kernel; empty where the system does not tell. */
  readonly bootId: string;
}

const bootIdFile = '/proc/sys/kernel/random/boot_id';

/**
 * Field 22 of /proc/<pid>/stat is the start of a process, the boot id its kernel's run. Undefined where it is gone, a zombie,
 * or there is no /proc.
 */
export async function processIdentity(pid: number): Promise<ProcessIdentity | undefined> {
  try {
    const [stat, bootId] = await Promise.all([
      readFile(`/proc/${pid}/stat`, 'utf8'),
      readFile(bootIdFile, 'utf8'),
    ]);
    return identityFrom(pid, stat, bootId);
  } catch {
    return undefined;
  }
}

/** This process; what cannot be known of it is empty. */
export function ownIdentity(): ProcessIdentity {
  const { pid } = process;
  try {
    const stat = readFileSync('/proc/self/stat', 'utf8');
    const known = identityFrom(pid, stat, readFileSync(bootIdFile, 'utf8'));
    if (known !== undefined) return known;
  } catch {
    // there is no /proc here
  }
  return { pid, startedAt: '', bootId: '' };
}

function identityFrom(pid: number, stat: string, bootId: string): ProcessIdentity | undefined {
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  return fields[0] === 'Z' ? undefined : { pid, startedAt: fields[19] ?? '', bootId: bootId.trim() };
}

/** Milliseconds of the machine's own clock: the same for all processes of one boot, and never set. */
export function monotonicMs(): number {
  return Number(process.hrtime.bigint() / 1_000_000n);
}
