// How much heap is in use once garbage has gone: collected again and again, with turns of the event loop between, so that
// what finalizers give back goes too; then the median of several readings.
import { median } from './statistics.ts';

const collections = 4;
const readings = 7;

export async function steadyHeap(): Promise<number> {
  const { gc } = globalThis;
  if (gc === undefined) throw new Error('run with --expose-gc');
  const seen: number[] = [];
  for (let i = 0; i < collections + readings; i++) {
    gc();
    for (let turn = 0; turn < 5; turn++) await new Promise((resolve) => setImmediate(resolve));
    if (i >= collections) seen.push(process.memoryUsage().heapUsed);
  }
  return median(seen);
}
