// In which order the outcomes of steps reach the agent: as they were recorded, one at a time, and the next only when the agent has
// had a turn. So a run that begins again lives through the same as before, and so do its parallel branches.
import { setImmediate } from 'node:timers';
import type { Clock } from '../../base/clock.ts';
import { toError } from '../../base/errors.ts';
import type { Json } from '../../base/json.ts';

export type StepKind = 'step' | 'effect' | 'sleep' | 'wait' | 'child';

export type StepOutcome =
  | { readonly ok: true; readonly value: Json | undefined }
  | { readonly ok: false; readonly error: Error };

/** A step that has finished. */
export interface RecordedStep {
  readonly key: string;
  readonly kind: StepKind;
  /** Of the event that finished it. */
  readonly seq: number;
  readonly outcome: StepOutcome | Promise<StepOutcome>;
}

export interface StepReplayOptions {
  readonly clock: Clock;
  /** How long a recorded step that others wait for may take to be called. */
  readonly graceMs: number;
  /** The steps are not those that were recorded: the error of a step and what is wrong with it. */
  readonly changed: (step: string, problem: string) => Error;
  /** It cannot go on with this. */
  readonly fault: (error: Error) => void;
  /** An outcome is about to be handed over. */
  readonly goesOn: () => void;
  /** Nothing more can be delivered for now. */
  readonly still: () => void;
}

interface Waiter {
  readonly resolve: (outcome: StepOutcome) => void;
  readonly reject: (error: Error) => void;
}

export class StepReplay {
  readonly #options: StepReplayOptions;
  /** Of all that the journal knows of the run. */
  readonly #kinds = new Map<string, StepKind>();
  readonly #recorded = new Set<string>();
  /** What was there when this incarnation began, and was not called yet. */
  readonly #unasked = new Set<string>();
  readonly #waiters = new Map<string, Waiter[]>();
  /** Outcomes of steps within others, which may be asked for again when these are tried again. */
  readonly #kept = new Map<string, StepOutcome>();
  #queue: RecordedStep[] = [];
  #at = 0;
  #turning = false;
  #closed: Error | undefined;
  #cancelGrace: (() => void) | undefined;
  #asked = 0;

  constructor(options: StepReplayOptions) {
    this.#options = options;
  }

  /** Steps whose outcome the agent waits for. */
  get waiting(): number {
    return this.#waiters.size;
  }

  get isStill(): boolean {
    return !this.#turning && this.#at === this.#queue.length;
  }

  /** True when the agent waits for nothing but these. */
  waitsOnlyFor(keys: ReadonlySet<string>): boolean {
    for (const key of this.#waiters.keys()) if (!keys.has(key)) return false;
    return true;
  }

  /** What the journal holds of the run: before the agent begins, and before anything that was heard meanwhile. */
  load(
    recorded: readonly RecordedStep[],
    pending: readonly (readonly [key: string, kind: StepKind])[],
  ): void {
    const heard = this.#queue;
    this.#queue = [];
    this.#recorded.clear();
    for (const [key, kind] of pending) this.#expectLater(key, kind);
    for (const step of [...recorded].sort((a, b) => a.seq - b.seq)) {
      this.#expectLater(step.key, step.kind);
      this.note(step);
    }
    for (const step of heard) this.note(step);
  }

  /** A step has finished, and that is durable. */
  note(step: RecordedStep): void {
    if (this.#recorded.has(step.key)) return;
    this.#recorded.add(step.key);
    this.#kinds.set(step.key, step.kind);
    this.#queue.push(step);
    this.#pump();
  }

  /** True for a step that was begun before, whatever became of it. */
  isKnown(key: string): boolean {
    return this.#kinds.has(key);
  }

  isRecorded(key: string): boolean {
    return this.#recorded.has(key);
  }

  /** Begun here: nobody else begins it. */
  begun(key: string, kind: StepKind): void {
    this.#kinds.set(key, kind);
  }

  /** The outcome of a step, when its turn has come. Rejects when it was recorded as one of another kind. */
  expect(key: string, kind: StepKind): Promise<StepOutcome> {
    if (this.#closed !== undefined) return Promise.reject(this.#closed);
    this.#asked += 1;
    this.#unasked.delete(key);
    const known = this.#kinds.get(key);
    if (known !== undefined && known !== kind) {
      const error = this.#options.changed(
        key,
        `was recorded as ${nounOf(known)}, and is ${nounOf(kind)} now`,
      );
      this.#options.fault(error);
      return Promise.reject(error);
    }
    const kept = this.#kept.get(key);
    if (kept !== undefined) return Promise.resolve(kept);
    return new Promise((resolve, reject) => {
      this.#waiters.set(key, [...(this.#waiters.get(key) ?? []), { resolve, reject }]);
      this.#pump();
    });
  }

  /** It could not be begun or recorded: who waits for it hears that, and nothing is kept. */
  fail(key: string, error: Error): void {
    for (const { reject } of this.#take(key)) reject(error);
  }

  /** Steps within this one count no more. */
  forgetWithin(key: string): void {
    for (const inner of this.#kept.keys()) if (inner.startsWith(`${key}/`)) this.#kept.delete(inner);
  }

  /** The agent has returned: resolves when all that was recorded was called for. */
  async complete(): Promise<void> {
    if (this.#queue.length === 0 && this.#unasked.size === 0) return;
    for (let asked = -1; asked !== this.#asked || this.#turning; ) {
      asked = this.#asked;
      await turn();
    }
    if (this.#closed !== undefined) return;
    const uncalled = this.#queue[this.#at]?.key ?? first(this.#unasked);
    if (uncalled !== undefined)
      throw this.#options.changed(uncalled, 'was recorded, and the agent has returned without calling it');
  }

  /** Nothing more is delivered. Who waits hears why; without a reason nobody ever hears anything. */
  close(reason: Error | undefined): void {
    this.#closed ??= reason ?? new Error('the run was parked');
    this.#cancelGrace?.();
    const waiters = [...this.#waiters.values()].flat();
    this.#waiters.clear();
    if (reason !== undefined) for (const { reject } of waiters) reject(reason);
  }

  #expectLater(key: string, kind: StepKind): void {
    this.#kinds.set(key, kind);
    this.#unasked.add(key);
  }

  #pump(): void {
    if (this.#turning || this.#closed !== undefined) return;
    const next = this.#queue[this.#at];
    if (next === undefined) {
      this.#watch(undefined);
      this.#options.still();
    } else if (this.#waiters.has(next.key)) {
      this.#watch(undefined);
      this.#turning = true;
      void this.#deliver(next);
    } else this.#watch(next);
  }

  async #deliver({ key, outcome }: RecordedStep): Promise<void> {
    try {
      const found = outcome instanceof Promise ? await outcome : outcome;
      if (this.#closed !== undefined) return;
      if (key.includes('/')) this.#kept.set(key, found);
      this.#options.goesOn();
      for (const { resolve } of this.#take(key)) resolve(found);
    } catch (thrown) {
      this.#options.fault(toError(thrown));
      return;
    }
    this.#at += 1;
    if (this.#at === this.#queue.length) {
      this.#queue = [];
      this.#at = 0;
    }
    await turn();
    this.#turning = false;
    this.#pump();
  }

  #take(key: string): readonly Waiter[] {
    const waiters = this.#waiters.get(key) ?? [];
    this.#waiters.delete(key);
    return waiters;
  }

  /** A recorded step that is never called holds up those behind it: that is looked at when the grace is over. */
  #watch(missing: RecordedStep | undefined): void {
    this.#cancelGrace?.();
    this.#cancelGrace = undefined;
    if (missing === undefined || this.#waiters.size === 0) return;
    const { clock, graceMs, changed, fault } = this.#options;
    this.#cancelGrace = clock.schedule(graceMs, () => {
      const blocked = this.#queue.slice(this.#at).find(({ key }) => this.#waiters.has(key));
      if (blocked === undefined || this.#queue[this.#at] !== missing) return;
      fault(
        changed(missing.key, `was recorded before ${blocked.key}, and is not called while that one waits`),
      );
    });
  }
}

/** Until all that can go on without the world outside has gone on. */
function turn(): Promise<void> {
  return new Promise((resolve) => {
    setImmediate(resolve);
  });
}

function first(keys: ReadonlySet<string>): string | undefined {
  for (const key of keys) return key;
  return undefined;
}

const nounOf = (kind: StepKind): string => (kind === 'effect' ? 'an effect' : `a ${kind}`);
