// The orchestrator as a whole: what every life of its process opens.
import { createSystem, type System } from 'holdfast';
import { agents } from './agents.ts';
import { foreman } from './foreman.ts';

export const openOrchestrator = (location: string): Promise<System> =>
  // An agent that was told to end has a fifth of a second for it.
  createSystem({ location, agents, processManagers: [foreman], session: { agentShutdownMs: 200 } });
