// The process of the leak campaign: cycles of one kind.
import { answer } from './in-child.ts';
import { type HeapJob, measureCycles } from './leak/heap-cycles.ts';

await answer<HeapJob>(measureCycles);
