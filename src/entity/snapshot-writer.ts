// When a state is worth a snapshot: often enough to bound a replay, rarely enough to cost a few percent.

import type { Clock } from '../base/clock.ts';
import { toError } from '../base/errors.ts';
import { sha256 } from '../base/hash.ts';
import type { Telemetry } from '../base/telemetry.ts';
import type { Law } from '../domain/law.ts';
import type { EventDraft, Head, Journal } from '../journal/journal.ts';
import { parkedDigest } from '../journal/replay-guard.ts';

export interface SnapshotPolicy {
  /** No snapshot before so many events since the last. */
  readonly events: number;
  /** No snapshot before the events since the last have so many times its bytes: replay and writing stay in proportion. */
  readonly growth: number;
}

const snapshotPolicy: SnapshotPolicy = { events: 100, growth: 4 };

interface SnapshotSource<State> {
  readonly law: Pick<Law<State>, 'version' | 'encode' | 'durability' | 'refersTo'>;
  readonly journal: Journal;
  readonly clock: Clock;
  readonly telemetry: Telemetry;
  readonly snapshots?: SnapshotPolicy;
}

export class SnapshotWriter<State> {
  readonly #source: SnapshotSource<State>;
  readonly #stream: string;
  #seq: number;
  #bytes: number;
  #eventsSince = 0;
  #bytesSince = 0;
  #writing: Promise<void> | undefined;

  constructor(
    source: SnapshotSource<State>,
    stream: string,
    last: { readonly seq: number; readonly bytes: number },
  ) {
    this.#source = source;
    this.#stream = stream;
    this.#seq = last.seq;
    this.#bytes = last.bytes;
  }

  /** The snapshot that was written last: its seq, and how large it was. */
  get last(): { readonly seq: number; readonly bytes: number } {
    return { seq: this.#seq, bytes: this.#bytes };
  }

  /** Counts what became durable, and writes a snapshot beside the next commands when it is time. */
  afterEvents(drafts: readonly EventDraft[], state: State, head: Head): void {
    this.#eventsSince += drafts.length;
    for (const { payload, bytes } of drafts) this.#bytesSince += bytes ?? payload.length;
    const { events, growth } = this.#source.snapshots ?? snapshotPolicy;
    const due = this.#eventsSince >= events && this.#bytesSince >= growth * this.#bytes;
    if (due && this.#writing === undefined) void this.write(state, head);
  }

  /** Writes one now, unless the newest covers `head`. A snapshot that fails costs time at the next start, never data. */
  async write(state: State, head: Head): Promise<void> {
    await this.#writing;
    if (head.seq <= this.#seq) return;
    this.#writing = this.#put(state, head);
    await this.#writing;
    this.#writing = undefined;
  }

  async #put(state: State, { seq, chain }: Head): Promise<void> {
    const { law, journal, clock, telemetry } = this.#source;
    const stream = this.#stream;
    this.#seq = seq;
    this.#eventsSince = 0;
    this.#bytesSince = 0;
    try {
      const text = law.encode(state);
      this.#bytes = text.length;
      const isVolatile = law.durability?.(state) === 'none';
      const needs = isVolatile ? law.refersTo?.(state) : undefined;
      const parked = parkedDigest(journal.guard?.parked(stream), seq);
      await journal.putSnapshot(stream, {
        seq,
        chain,
        at: clock.now(),
        lawVersion: law.version,
        stateHash: sha256(text),
        state: text,
        ...(needs !== undefined && { needs }),
        ...(parked !== undefined && { parked }),
      });
    } catch (error) {
      telemetry('snapshot.failed', { stream, seq, problem: toError(error).message });
    }
  }
}
