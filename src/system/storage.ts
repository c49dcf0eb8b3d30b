// The storage as a part of the system: what is asked of it, the mark below which no session is begun, and the scrub that goes
// over it now and then.

import type { SupervisedChild } from '../actor/child-spec.ts';
import { resting } from '../actor/service.ts';
import type { Clock } from '../base/clock.ts';
import type { SystemConfig } from '../base/config.ts';
import { HoldfastError, toError } from '../base/errors.ts';
import type { Telemetry } from '../base/telemetry.ts';
import type { LevelJournal } from '../journal/level-journal.ts';
import type { Damage, Scrub } from '../journal/scrub/scrub.ts';
import { FreeSpace } from '../journal/store/free-space.ts';
import type { Handlers } from '../operations/bind.ts';
import type { StorageStatus } from '../operations/views/views.ts';

export interface StorageOptions
  extends Pick<SystemConfig, 'minFreeBytes' | 'scrubEveryMs' | 'scrubBytesPerSecond'> {
  readonly journal: LevelJournal;
  readonly clock: Clock;
  readonly telemetry: Telemetry;
  /** Takes a session whose record is damaged out of service; it stays readable. */
  readonly quarantine: (sessionId: string, error: Error) => void;
  /** Whether an accepted recovery has given up that record of a stream. */
  readonly isGivenUp: (stream: string, seq: number) => Promise<boolean>;
}

/** After the start, so that it is in nobody's way. */
const firstScrubMs = 60_000;

export class Storage {
  readonly space: FreeSpace;
  readonly #options: StorageOptions;
  readonly #scrub: Scrub;
  #cancel = (): void => {};

  constructor(options: StorageOptions) {
    const { journal, clock, minFreeBytes, scrubBytesPerSecond: bytesPerSecond } = options;
    this.#options = options;
    this.space = new FreeSpace(() => journal.freeBytes(), clock, minFreeBytes);
    const onDamage = (damage: Damage): void => this.#quarantine(damage);
    this.#scrub = journal.scrub({ bytesPerSecond, onDamage, isGivenUp: options.isGivenUp });
  }

  get handlers(): Handlers<'storage.status' | 'storage.scrub'> {
    return { 'storage.status': () => this.#status(), 'storage.scrub': () => this.#scrub.run() };
  }

  /** Scrubs now and then until it is stopped; one that a restart has cut off goes on where it was. */
  async start(): Promise<SupervisedChild> {
    const { scrubEveryMs, clock } = this.#options;
    await this.space.now();
    const last = await this.#scrub.last();
    if (scrubEveryMs > 0) {
      const isUnfinished = await this.#scrub.isUnfinished();
      const dueAt = last === null || isUnfinished ? 0 : last.at + scrubEveryMs;
      const first = Math.min(firstScrubMs, scrubEveryMs);
      this.#schedule(Math.max(first, dueAt - clock.now()));
    }
    return resting('storage', () => this.#stop());
  }

  #schedule(delayMs: number): void {
    const { clock, scrubEveryMs, telemetry } = this.#options;
    this.#cancel = clock.schedule(delayMs, () => {
      this.#scrub.run('rest').then(
        () => this.#schedule(scrubEveryMs),
        (error: unknown) => {
          if (HoldfastError.is(error, 'SYSTEM_NOT_SERVING') || HoldfastError.is(error, 'JOURNAL_CLOSED'))
            return;
          telemetry('scrub.failed', { problem: toError(error).message });
          this.#schedule(Math.min(firstScrubMs, scrubEveryMs));
        },
      );
    });
  }

  async #stop(): Promise<void> {
    this.#cancel();
    await this.#scrub.stop();
  }

  async #status(): Promise<StorageStatus> {
    const { journal } = this.#options;
    const { health, since, problem, writes } = journal.health;
    const { epoch, backlogBytes } = journal;
    const freeBytes = await this.space.now();
    const lastScrub = await this.#scrub.last();
    const { minFreeBytes } = this.space;
    return { health, since, problem, writes, freeBytes, minFreeBytes, backlogBytes, epoch, lastScrub };
  }

  #quarantine({ stream, seq, problem }: Damage): void {
    const [kind, sessionId = ''] = stream.split('/');
    if (kind !== 'session') return;
    this.#options.quarantine(sessionId, new HoldfastError('JOURNAL_CORRUPT', { stream, seq, problem }));
  }
}
