// The scenario of a whole system: agents, sessions and process managers of the user's own, commanded and read through the Client.
import type { Client } from '../../client/client.ts';
import { createSystem, type System, type SystemOptions } from '../../system.ts';
import type { CommandPlace, CrashScenario } from './scenario.ts';

export interface SystemScenario<Command> {
  /** The options of the system, but for those that the matrix brings along. */
  readonly options?: Omit<SystemOptions, 'location' | 'store' | 'clock' | 'newId'>;
  readonly commands: CrashScenario<unknown, Command>['commands'];
  /** Sends one command. Give mutations the key of their place as their idempotency key where they may be repeated. */
  run(client: Client, command: Command, place: CommandPlace): Promise<unknown>;
  /** All that must not be lost, once what was begun is over: wait for agents here. */
  read(client: Client): Promise<unknown>;
  /** What must hold of every recovered state, beside being the right one: throws when it does not. */
  check?(state: unknown): void;
  /** Whether a command that rejected may have happened. By default one with any code but `OUTCOME_UNKNOWN` has not. */
  outcome?(error: unknown): 'refused' | 'unknown';
}

export function systemScenario<Command>({
  options = {},
  run,
  read,
  ...rest
}: SystemScenario<Command>): CrashScenario<System, Command> {
  return {
    ...rest,
    start: ({ store, clock, newId }) => createSystem({ ...options, store, clock, newId }),
    run: ({ client }, command, place) => run(client, command, place),
    read: ({ client }) => read(client),
    stop: (system) => system.close(),
  };
}
