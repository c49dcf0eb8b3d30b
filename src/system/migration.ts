// Brings what is kept beside the events to the present laws. Events and their hashes stay as they are: upcasters read them.
import { join, resolve } from 'node:path';
import { isDeepStrictEqual } from 'node:util';
import { systemClock } from '../base/clock.ts';
import { HoldfastError } from '../base/errors.ts';
import { sha256 } from '../base/hash.ts';
import { isWithin, realPlace } from '../base/places.ts';
import type { Command, Law } from '../domain/law.ts';
import { memoriesLaw } from '../domain/memory/memory-law.ts';
import { conditionLaw } from '../domain/recovery/condition-law.ts';
import { sessionLaw } from '../domain/session/session-law.ts';
import { tasksLaw } from '../domain/task/task-law.ts';
import { upcast } from '../domain/upcasters.ts';
import { stateAt } from '../entity/state-at.ts';
import { makeBackup } from '../journal/backup/backup.ts';
import type { Head, Journal, Snapshot } from '../journal/journal.ts';
import type { LevelJournal } from '../journal/level-journal.ts';
import { parkedDigest } from '../journal/replay-guard.ts';
import { RoutedJournal } from '../journal/routed-journal.ts';
import { readStoreId } from '../journal/store/store-directory.ts';
import { raisedVersions, versionsFrom, versionsKey } from '../journal/store/store-versions.ts';
import { withStore } from './closed-store.ts';
import { streamsOf } from './examination.ts';
import { damagedHead, findingOf } from './finding.ts';
import type { MigrationFailure, MigrationOptions, MigrationReport } from './migration-report.ts';
import { replayOffline } from './replay-parts.ts';
import { ownVersions } from './store-laws.ts';

const listed = 1_000;

export async function migrateLocation(options: MigrationOptions): Promise<MigrationReport> {
  const { location, dryRun = false, backupTo } = options;
  if (backupTo !== undefined) await assertOutside(backupTo, location);
  return withStore(location, options, async (level) => {
    const backup = backupTo === undefined || dryRun ? undefined : await backUp(level, location, backupTo);
    const migration = new Migration(level, options);
    await migration.begin();
    await migration.run(sessionLaw);
    await migration.run(conditionLaw);
    await migration.run(tasksLaw);
    await migration.run(memoriesLaw());
    return { ...(await migration.settle(dryRun)), ...(backup !== undefined && { backup }) };
  });
}

/** What lies in the store goes with the store. */
async function assertOutside(backupTo: string, location: string): Promise<void> {
  if (!isWithin(await realPlace(backupTo), await realPlace(location))) return;
  const faults = ['backupTo: give a directory outside of the store'];
  throw new HoldfastError('INVALID_CONFIG', { problem: faults.join('; '), faults });
}

async function backUp(journal: LevelJournal, location: string, to: string): Promise<string> {
  const directory = resolve(to);
  const { backupId } = await makeBackup({
    ...{ journal, directory, clock: systemClock, telemetry: () => {}, cause: 'manual' },
    note: 'before the migration',
    storeId: await readStoreId(location),
  });
  return join(directory, backupId);
}

class Migration {
  readonly #level: LevelJournal;
  readonly #journal: RoutedJournal;
  readonly #options: MigrationOptions;
  readonly #snapshots: Record<string, { rewritten: number; current: number }> = {};
  readonly #cannot: MigrationFailure[] = [];
  #failing = 0;
  #streams = 0;

  constructor(level: LevelJournal, options: MigrationOptions) {
    this.#level = level;
    this.#journal = RoutedJournal.over(level, upcast);
    this.#options = options;
  }

  /** What is parked stays out of the states that are made. */
  begin(): Promise<void> {
    return replayOffline(this.#journal);
  }

  async run<State, C extends Command>(law: Law<State, C>): Promise<void> {
    const { signal, onProgress } = this.#options;
    const counts = { rewritten: 0, current: 0 };
    this.#snapshots[law.kind] = counts;
    for await (const { stream, head } of streamsOf(this.#journal, `${law.kind}/`)) {
      signal?.throwIfAborted();
      this.#streams += 1;
      if (head === undefined) this.#fail(stream, null, damagedHead(stream));
      else await this.#renew(law, head, counts);
      onProgress?.({ streams: this.#streams });
    }
  }

  async settle(dryRun: boolean): Promise<MigrationReport> {
    const from = versionsFrom(await this.#level.kv.get(versionsKey).catch(() => undefined));
    const to = raisedVersions(from, ownVersions);
    const raised = !dryRun && this.#failing === 0 && !isDeepStrictEqual(from, to);
    if (raised) await this.#level.raise(to);
    return {
      ...{ dryRun, streams: this.#streams, snapshots: this.#snapshots },
      ...{ cannot: this.#cannot, failing: this.#failing },
      versions: { from: from ?? null, to, raised },
    };
  }

  /** Oldest first, so that the next is made from the one before. */
  async #renew<State, C extends Command>(
    law: Law<State, C>,
    head: Head,
    counts: { rewritten: number; current: number },
  ): Promise<void> {
    for (const old of await this.#snapshotsOf(head)) {
      if (old.lawVersion === law.version) {
        counts.current += 1;
        continue;
      }
      try {
        const renewed = await renewedSnapshot(law, this.#journal, head, old);
        if (this.#options.dryRun !== true) await this.#journal.putSnapshot(head.stream, renewed);
        counts.rewritten += 1;
      } catch (error) {
        this.#fail(head.stream, old.seq, error);
      }
    }
  }

  async #snapshotsOf({ stream, seq, firstSeq }: Head): Promise<readonly Omit<Snapshot, 'state'>[]> {
    const found: Omit<Snapshot, 'state'>[] = [];
    for await (const { state: _, ...snapshot } of this.#journal.snapshots(stream))
      if (snapshot.seq <= seq && snapshot.seq >= firstSeq - 1) found.unshift(snapshot);
    return found;
  }

  #fail(stream: string, seq: number | null, error: unknown): void {
    const finding = findingOf(error);
    this.#failing += 1;
    if (this.#cannot.length < listed) this.#cannot.push({ stream, ...finding, seq: finding.seq ?? seq });
  }
}

/** The snapshot as the present law would have written it then. */
async function renewedSnapshot<State, C extends Command>(
  law: Law<State, C>,
  journal: Journal,
  head: Head,
  old: Omit<Snapshot, 'state'>,
): Promise<Snapshot> {
  const { stream } = head;
  const { parked: _, ...kept } = old;
  const { seq, lawVersion: found } = old;
  if (found > law.version) throw new HoldfastError('LAW_CHANGED', { stream, found, supported: law.version });
  const { state, chain } = await stateAt(law, journal, head, seq);
  if (chain !== undefined && chain !== old.chain)
    throw new HoldfastError('JOURNAL_CORRUPT', {
      stream,
      seq,
      problem: 'the snapshot was made of another record',
    });
  const text = law.encode(state);
  const parked = parkedDigest(journal.guard?.parked(stream), seq);
  const renewed = { ...kept, lawVersion: law.version, stateHash: sha256(text), state: text };
  return parked === undefined ? renewed : { ...renewed, parked };
}
