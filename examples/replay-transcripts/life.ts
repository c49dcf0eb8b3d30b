// One life of the child: from its start to its end, by SIGKILL or because every command is answered.
import { Child } from './child-process.ts';
import type { BootMoment, KillPlan, Pace } from './kill-plan.ts';
import type { Ledger } from './ledger.ts';
import type { ServingReport } from './reports.ts';
import type { Command } from './session-script.ts';

export interface LifeOptions {
  readonly location: string;
  readonly ledger: Ledger;
  readonly plan: KillPlan;
  readonly pace: Pace;
  readonly onProgress: () => void;
}

/** Points in time, in milliseconds of `performance.now()`. */
export interface LifeReport {
  readonly startedAt: number;
  readonly openingAt: number | undefined;
  readonly servingAt: number | undefined;
  readonly killedAt: number | undefined;
  /** Commands that had been sent, and whose answer had not been written when the process was gone. */
  readonly inFlight: number;
  /** How long its answers took. */
  readonly answersMs: readonly number[];
}

/** So long a child may say nothing before it is given up. */
const silenceMs = 30_000;

export class Life {
  readonly #options: LifeOptions;
  readonly #child: Child;
  readonly #startedAt = performance.now();
  /** By key, when each command was sent that is not answered yet. */
  readonly #inFlight = new Map<string, number>();
  readonly #answersMs: number[] = [];
  readonly #bootKill: BootMoment | undefined;
  #openingAt: number | undefined;
  #servingAt: number | undefined;
  #killedAt: number | undefined;
  #killTimer: NodeJS.Timeout | undefined;
  #silenceTimer: NodeJS.Timeout | undefined;
  #silent = false;

  static run(options: LifeOptions): Promise<LifeReport> {
    return new Life(options).#run();
  }

  private constructor(options: LifeOptions) {
    this.#options = options;
    this.#bootKill = options.plan.bootKill(options.pace);
    this.#child = Child.start<ServingReport>('replay-child.js', options.location, (report) =>
      this.#hear(report),
    );
    this.#awaitWord();
    this.#planBootKill('start');
  }

  async #run(): Promise<LifeReport> {
    const { ok, status, errors } = await this.#child.ended;
    clearTimeout(this.#killTimer);
    clearTimeout(this.#silenceTimer);
    if (this.#silent) throw new Error(`the child has said nothing for ${silenceMs / 1000} s\n${errors}`);
    if (this.#killedAt === undefined && !ok)
      throw new Error(`the child has ended by itself: ${status}\n${errors}`);
    const inFlight = this.#inFlight.size;
    if (this.#killedAt !== undefined && this.#servingAt !== undefined) this.#options.plan.struck(inFlight);
    return {
      startedAt: this.#startedAt,
      openingAt: this.#openingAt,
      servingAt: this.#servingAt,
      killedAt: this.#killedAt,
      inFlight,
      answersMs: this.#answersMs,
    };
  }

  #hear(report: ServingReport): void {
    this.#awaitWord();
    switch (report.report) {
      case 'opening':
        this.#openingAt = performance.now();
        this.#planBootKill('opening');
        return;
      case 'serving':
        this.#serve();
        return;
      default: {
        this.#answersMs.push(performance.now() - (this.#inFlight.get(report.key) ?? 0));
        this.#inFlight.delete(report.key);
        const next = this.#options.ledger.settle(report);
        this.#options.onProgress();
        if (next !== undefined) this.#send(next);
        this.#planKill();
      }
    }
  }

  /** Whatever was not answered in an earlier life is sent again, under the same key. */
  #serve(): void {
    this.#servingAt = performance.now();
    if (this.#killedAt !== undefined) return;
    clearTimeout(this.#killTimer);
    this.#killTimer = undefined;
    for (const command of this.#options.ledger.openCommands()) this.#send(command);
    this.#planKill();
  }

  /** What is heard after the kill was written before it; nothing is sent any more. */
  #send(command: Command): void {
    if (this.#killedAt !== undefined) return;
    this.#inFlight.set(command.key, performance.now());
    this.#child.tell(command);
  }

  #planBootKill(after: BootMoment['after']): void {
    if (this.#bootKill?.after === after) this.#killIn(this.#bootKill.delayMs);
  }

  #planKill(): void {
    const { ledger, plan, pace } = this.#options;
    if (this.#killedAt !== undefined) return;
    if (ledger.isDone) this.#child.finish();
    else if (this.#killTimer === undefined && plan.isDue(ledger.acknowledged))
      this.#killIn(plan.strikeDelayMs(pace));
  }

  #killIn(delayMs: number): void {
    this.#killTimer = setTimeout(() => {
      this.#killTimer = undefined;
      if (this.#servingAt !== undefined && this.#inFlight.size === 0) return;
      this.#killedAt = performance.now();
      this.#child.kill();
    }, delayMs);
  }

  #awaitWord(): void {
    clearTimeout(this.#silenceTimer);
    this.#silenceTimer = setTimeout(() => {
      this.#silent = true;
      this.#child.kill();
    }, silenceMs);
  }
}
