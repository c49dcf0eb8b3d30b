// What a session manager needs beside its journal, for tests that have no system around it: no agents, no limits in the way.
import type { Clock } from '../../src/base/clock.ts';
import type { Telemetry } from '../../src/base/telemetry.ts';
import type { Journal } from '../../src/journal/journal.ts';
import { Conditions } from '../../src/recovery/conditions/conditions.ts';
import { AgentRegistry } from '../../src/session/agents/agent-definitions.ts';
import type { SessionManagerOptions } from '../../src/session/session-manager.ts';

interface Given {
  readonly journal: Journal;
  readonly clock: Clock;
  readonly telemetry: Telemetry;
}

export async function managerOptions(given: Given): Promise<Omit<SessionManagerOptions, 'pubsub'>> {
  return {
    ...given,
    conditions: await Conditions.load({ ...given, tell: () => {} }),
    agents: new AgentRegistry({}),
    dispatchAs: () => () => Promise.reject(new Error('there are no operations here')),
    runOwned: (_, run) => run(),
    mailboxSize: 1_000,
    maxSessions: null,
    maxActiveSessions: 10_000,
    passivateAfterMs: null,
    residentBytes: 2 ** 20,
    shutdownMs: 15_000,
  };
}
