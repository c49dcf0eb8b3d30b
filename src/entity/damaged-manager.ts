// The start of a process manager whose own stream may be damaged: then it follows nothing, is told and shown so, and keeps
// nobody else from being served.
import type { SupervisedChild } from '../actor/child-spec.ts';
import { resting } from '../actor/service.ts';
import { HoldfastError } from '../base/errors.ts';
import { ProcessManager, type ProcessManagerOptions } from './process-manager.ts';

export async function startProcessManager(options: ProcessManagerOptions): Promise<SupervisedChild> {
  try {
    return await ProcessManager.start(options);
  } catch (error) {
    if (!HoldfastError.is(error, 'JOURNAL_CORRUPT')) throw error;
    const { definition, telemetry } = options;
    const { name } = definition;
    telemetry('manager.damaged', { name, problem: error.message });
    return damaged(name, error.message);
  }
}

function damaged(name: string, problem: string): SupervisedChild {
  const child = resting(name, async () => {});
  const standing = { id: name, kind: 'worker', status: 'running', incarnation: 1, restarts: 0 } as const;
  return { ...child, tree: () => ({ ...standing, details: { damaged: problem } }) };
}
