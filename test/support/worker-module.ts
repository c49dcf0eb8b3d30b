// Modules for agents with a thread of their own, written where they are used.
import { createRequire } from 'node:module';
import { pathToFileURL } from 'node:url';
import type { WorkerAgent } from '../../src/base/worker-agent.ts';

const { resolve } = createRequire(import.meta.url);

/** An agent whose module is this text. `xstate` and `holdfast` may be imported by name; the latter is the built one. */
export function workerAgent(text: string, options: Partial<WorkerAgent> = {}): WorkerAgent {
  const built = new URL('../../dist/index.js', import.meta.url).href;
  const resolved = text
    .replaceAll("'xstate'", `'${pathToFileURL(resolve('xstate')).href}'`)
    .replaceAll("'holdfast'", `'${built}'`);
  return { isolation: 'worker', module: `data:text/javascript,${encodeURIComponent(resolved)}`, ...options };
}
