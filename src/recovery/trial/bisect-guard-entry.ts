// The thread beside a try: it runs whatever the main thread is busy with, and ends the process when nobody waits for it any more,
// when one event takes more of the processor's time than it may, or all of it more memory, also outside of its heap.
import { writeSync } from 'node:fs';
import { workerData } from 'node:worker_threads';
import type { GuardData } from './bisect-entry.ts';

/** Of what is no heap of the try: the program itself, and what garbage has not been collected. */
const besideMb = 256;

watch(workerData as GuardData);

function watch({ parent, memoryMb, stallMs, counter }: GuardData): void {
  const isStalled = stallMeter(new Int32Array(counter), stallMs);
  setInterval(() => {
    if (process.ppid !== parent || process.memoryUsage.rss() > (memoryMb + besideMb) * 2 ** 20) end();
    if (!isStalled()) return;
    writeSync(1, 'stalled\n');
    end();
  }, 100);
}

/** Time in which the machine was busy with others is not the event's. */
function stallMeter(begun: Int32Array, stallMs: number): () => boolean {
  let seen = -1;
  let since = 0;
  return () => {
    const now = Atomics.load(begun, 0);
    if (now !== seen) since = usedMs();
    seen = now;
    return now > 0 && usedMs() - since > stallMs;
  };
}

function usedMs(): number {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1_000;
}

function end(): void {
  process.kill(process.pid, 'SIGKILL');
}
