// The watchdog's thread: it looks at the main thread's loop from outside, says on stderr whose code blocks it, for the main
// thread cannot, and tells the main thread once that runs again.
import { writeSync } from 'node:fs';
import { parentPort, workerData } from 'node:worker_threads';
import { type JudgeOptions, StallJudge } from './watchdog-judge.ts';
import { WatchdogMemory } from './watchdog-memory.ts';

export interface WatchdogData extends JudgeOptions {
  readonly buffer: SharedArrayBuffer;
}

watch(workerData);

function watch({ buffer, ...options }: WatchdogData): void {
  const memory = new WatchdogMemory(buffer);
  const judge = new StallJudge(options, performance.now(), memory.ticks);
  let guilty: ReturnType<WatchdogMemory['read']>;
  while (memory.wait(options.checkMs)) {
    const verdict = judge.look(performance.now(), memory.ticks);
    if (verdict === undefined) continue;
    const { type, stalledMs } = verdict;
    if (type === 'ended') parentPort?.postMessage({ ...guilty, stalledMs });
    else {
      if (type === 'fatal' || verdict.isFirst) guilty = memory.read();
      say(type === 'fatal' ? 'eventLoop.killed' : 'eventLoop.stalled', { ...guilty, stalledMs });
    }
    // No thread but the main one can end the process with a code of its own.
    if (type === 'fatal') process.kill(process.pid, 'SIGKILL');
  }
}

/** At once: what is written to process.stderr here waits for the main thread. */
function say(name: string, data: object): void {
  const line = JSON.stringify({ name, at: Date.now(), data: { pid: process.pid, ...data } });
  try {
    writeSync(2, `${line}\n`);
  } catch {
    // nobody reads it
  }
}
