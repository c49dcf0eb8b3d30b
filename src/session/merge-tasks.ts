import type { Call } from '../operations/bind.ts';
import type { ReadingContext } from './handler-context.ts';

export async function mergeTasks(_c: ReadingContext, _s: string, _p: object, _call: Call): Promise<number> {
  return 0;
}
