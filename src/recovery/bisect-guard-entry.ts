// The thread beside a try: it runs whatever the main thread is busy with, and ends the process when nobody waits for it any more,
// or when it takes more memory than it was given, also outside of its heap.
import { workerData } from 'node:worker_threads';

const { parent, memoryMb } = workerData as { readonly parent: number; readonly memoryMb: number };

/** Of what is no heap of the try: the program itself, and what garbage has not been collected. */
const besideMb = 256;

setInterval(() => {
  const tooMuch = process.memoryUsage.rss() > (memoryMb + besideMb) * 2 ** 20;
  if (tooMuch || process.ppid !== parent) process.kill(process.pid, 'SIGKILL');
}, 100);
