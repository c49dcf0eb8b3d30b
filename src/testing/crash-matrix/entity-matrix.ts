// The scenario of a law on an entity of its own: what is commanded is decided, journaled and read back, and nothing else runs.
import type { Clock } from '../../base/clock.ts';
import { HoldfastError } from '../../base/errors.ts';
import type { Command, Law } from '../../domain/law.ts';
import { Entity } from '../../entity/entity.ts';
import type { SnapshotPolicy } from '../../entity/snapshot-writer.ts';
import type { Journal } from '../../journal/journal.ts';
import { LevelJournal } from '../../journal/level-journal.ts';
import type { CrashPorts, CrashScenario } from './scenario.ts';

export interface EntityScenario<State, C extends Command> {
  readonly law: Law<State, C>;
  readonly commands: CrashScenario<unknown, C>['commands'];
  /** What must hold of every recovered state, beside being the right one: throws when it does not. */
  check?(state: State): void;
  /** A snapshot after so many events, and when the events since have so many times its bytes; 4 and 0 by default. */
  readonly snapshots?: SnapshotPolicy;
  /** Puts something between the entity and its journal. */
  journal?(journal: LevelJournal): Journal;
}

/** A disk fails once in each trial. */
const mostAttempts = 3;

interface Running<State, C extends Command> {
  readonly entity: Entity<State, C>;
  readonly journal: Journal;
  readonly clock: Clock;
  readonly crashes: Error[];
}

export function entityScenario<State, C extends Command>(
  scenario: EntityScenario<State, C>,
): CrashScenario<Running<State, C>, C> {
  const { law, commands, check } = scenario;
  return {
    commands,
    ...(check && { check: (read) => check(law.decode((read as { readonly state: string }).state)) }),
    start: (ports) => open(scenario, ports),
    run: ({ entity }, command) => entity.send(command),
    async read({ entity, journal, clock, crashes: [crash] }) {
      // What has fallen due is carried out in any case, before the next command at the latest; when the disk fails, once more.
      for (let attempt = 1; attempt <= mostAttempts; attempt++) {
        while (journal.incident !== undefined) await journal.incident;
        await entity.whenRead();
        entity.wake();
        await entity.settle();
        if (law.due(entity.durable, clock.now()) === undefined) break;
      }
      if (crash !== undefined) throw crash;
      return { seq: entity.seq, state: law.encode(entity.durable) };
    },
    async stop({ entity, journal, crashes: [crash] }) {
      await entity.settle();
      await entity.snapshot();
      await journal.close();
      if (crash !== undefined) throw crash;
    },
    drop() {},
  };
}

async function open<State, C extends Command>(
  { law, snapshots = { events: 4, growth: 0 }, journal: between }: EntityScenario<State, C>,
  { store, clock }: CrashPorts,
): Promise<Running<State, C>> {
  const level = await LevelJournal.open({ open: store, clock });
  const journal = between?.(level) ?? level;
  const crashes: Error[] = [];
  const owner = {
    stream: `${law.kind}/one`,
    incarnation: 1,
    become: () => {},
    tell: () => {},
    crash: (error: Error) => crashes.push(error),
  };
  try {
    const ports = { law, journal, clock, snapshots, telemetry: () => {}, mailboxSize: 1_024 };
    return { entity: await Entity.hydrate({ ...ports, ...owner }), journal, clock, crashes };
  } catch (error) {
    await journal.close();
    throw HoldfastError.is(error) ? error : new Error('it does not open', { cause: error });
  }
}
