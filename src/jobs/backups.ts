// The backups of one system: one is made at a time, by the schedule or on demand, and what retention does not keep goes. A part of
// the system that outlives its sessions, for it needs nothing of theirs.
import type { Clock } from '../base/clock.ts';
import { HoldfastError, toError } from '../base/errors.ts';
import { Serial } from '../base/serial.ts';
import type { Telemetry } from '../base/telemetry.ts';
import { type BackupSource, makeBackup, verifyBackup } from '../journal/backup/backup.ts';
import {
  backupFolder,
  deleteBackup,
  type FoundBackup,
  listBackups,
  removeLeftovers,
} from '../journal/backup/backup-directory.ts';
import { type BackupCause, type BackupFacts, readManifest } from '../journal/backup/backup-manifest.ts';
import { paced } from '../journal/backup/backup-pace.ts';
import { type BackupRetention, defaultRetention, expiredBackups } from './backup-retention.ts';
import { Schedule } from './schedule.ts';

export interface BackupsOptions {
  readonly journal: BackupSource;
  readonly clock: Clock;
  readonly telemetry: Telemetry;
  /** Undefined where no directory was named and the store has none of its own. */
  readonly directory: string | undefined;
  readonly everyMs: number | null;
  readonly retention?: BackupRetention | undefined;
  /** How much is read in a second, at most. */
  readonly bytesPerSecond: number;
  readonly storeId: () => Promise<string | undefined>;
}

const retryMs = 60_000;
/** Backups that did not hold are kept for whoever wants to know why. */
const failedKept = 3;

export class Backups {
  readonly #options: BackupsOptions;
  readonly #jobs = new Serial();
  #abort = new AbortController();
  /** Those that have not begun, by what was asked for. */
  readonly #waiting = new Map<string, Promise<BackupFacts>>();
  #schedule: Schedule | undefined;

  constructor(options: BackupsOptions) {
    this.#options = options;
  }

  /** Throws `BACKUPS_OFF` when there is no place for them. */
  get directory(): string {
    const { directory } = this.#options;
    if (directory === undefined) throw new HoldfastError('BACKUPS_OFF');
    return directory;
  }

  /** Begins the schedule; what an earlier process left unfinished goes. Never rejects: a system serves without backups too. */
  async start(): Promise<void> {
    const { clock, everyMs, directory, telemetry } = this.#options;
    this.#abort = new AbortController();
    if (directory === undefined || everyMs === null) return;
    try {
      const run = (): Promise<boolean> => this.#runScheduled();
      this.#schedule = new Schedule({ clock, everyMs, retryMs, run });
      const newest = (await listBackups(directory)).findLast(
        ({ facts, failed }) => facts?.verified && !failed && facts.createdAt <= clock.now(),
      );
      this.#schedule.start(newest?.facts?.createdAt ?? null);
    } catch (error) {
      telemetry('backup.failed', { problem: toError(error).message });
      this.#schedule?.start(null);
    }
  }

  /** Ends what is under way; what was not finished is no backup. */
  async stop(): Promise<void> {
    this.#abort.abort(new HoldfastError('SYSTEM_NOT_SERVING', { status: 'draining' }));
    await this.#schedule?.stop();
    await this.#jobs.run(async () => {});
  }

  /**
   * Holds all that was answered before the call. One of the same kind that has not begun yet is shared; one that is under way
   * may lack what the caller knows of, so that another is made behind it.
   */
  create(cause: BackupCause, note?: string): Promise<BackupFacts> {
    const kind = JSON.stringify([cause, note]);
    const waiting = this.#waiting.get(kind);
    if (waiting !== undefined) return waiting;
    const begun = (): void => {
      if (this.#waiting.get(kind) === created) this.#waiting.delete(kind);
    };
    const created = this.#alone(() => this.#create(cause, note, begun));
    created.then(begun, begun);
    this.#waiting.set(kind, created);
    return created;
  }

  list(): Promise<readonly FoundBackup[]> {
    return listBackups(this.directory);
  }

  verify(backupId: string): Promise<BackupFacts> {
    return this.#alone(async () => {
      const folder = await backupFolder(this.directory, backupId);
      const facts = await readManifest(folder);
      const { clock, bytesPerSecond } = this.#options;
      const pace = paced(clock, bytesPerSecond, this.#abort.signal);
      return verifyBackup({ ...this.#options, folder, facts, pace });
    });
  }

  delete(backupId: string): Promise<void> {
    return this.#alone(() => deleteBackup(this.directory, backupId));
  }

  async #alone<T>(job: () => Promise<T>): Promise<T> {
    return this.#jobs.run(async () => {
      this.#abort.signal.throwIfAborted();
      return job();
    });
  }

  async #create(cause: BackupCause, note: string | undefined, begun: () => void): Promise<BackupFacts> {
    const { directory } = this;
    const { signal } = this.#abort;
    // Only one system has the store open, so that whatever is unfinished has nobody any more.
    await removeLeftovers(directory);
    const { journal, clock, telemetry, bytesPerSecond } = this.#options;
    const storeId = await this.#options.storeId();
    const told = { cause, note, storeId };
    return makeBackup({ journal, clock, telemetry, bytesPerSecond, directory, ...told, signal, begun });
  }

  async #runScheduled(): Promise<boolean> {
    const { telemetry } = this.#options;
    try {
      await this.create('schedule');
      await this.#alone(() => this.#prune());
      return true;
    } catch (error) {
      if (!this.#abort.signal.aborted) telemetry('backup.failed', { problem: toError(error).message });
      return false;
    }
  }

  /** Retention decides on what the schedule made; what somebody asked for is his to delete. */
  async #prune(): Promise<void> {
    const { retention = defaultRetention, telemetry, clock } = this.#options;
    const found = await this.list();
    const now = clock.now();
    // One of a time that has not come yet, since the clock was set back, takes nobody's place.
    const aged = found.flatMap(({ facts, failed, backupId }) =>
      facts?.verified && !failed && facts.cause === 'schedule' && facts.createdAt <= now
        ? [{ backupId, createdAt: facts.createdAt, whole: facts.damaged.length === 0 }]
        : [],
    );
    const failed = found.filter((backup) => backup.failed).map(({ backupId }) => backupId);
    for (const backupId of [...expiredBackups(aged, retention), ...failed.slice(0, -failedKept)]) {
      await deleteBackup(this.directory, backupId);
      telemetry('backup.expired', { backupId });
    }
  }
}
