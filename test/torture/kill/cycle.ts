// One cycle: a worker is started, unanswered orders are sent again, new ones follow, and then comes SIGKILL.
import type { Order } from './order.ts';
import type { OrderBook } from './order-book.ts';
import type { ServingReport } from './protocol.ts';
import type { TortureClient } from './torture-client.ts';
import { WorkerProcess } from './worker-process.ts';

/** When the worker is killed. Delays in milliseconds. */
export type KillMoment =
  | { readonly after: 'start' | 'opening'; readonly delayMs: number }
  | { readonly after: 'answers'; readonly count: number; readonly delayMs: number };

export interface CycleOptions {
  readonly location: string;
  readonly book: OrderBook;
  readonly clients: readonly TortureClient[];
  /** Without it the cycle ends when everything is answered, and nothing new is asked. */
  readonly kill: KillMoment | undefined;
}

export interface CycleReport {
  /** Points in time, in milliseconds of `performance.now()`. */
  readonly startedAt: number;
  readonly openingAt: number | undefined;
  readonly servingAt: number | undefined;
  readonly killedAt: number | undefined;
  readonly answersMs: readonly number[];
  /** Orders that had been sent, and whose answer had not been written when the process was gone. */
  readonly inFlight: number;
}

export class Cycle {
  readonly #options: CycleOptions;
  readonly #worker: WorkerProcess;
  readonly #startedAt = performance.now();
  readonly #sentAt = new Map<string, number>();
  readonly #answersMs: number[] = [];
  #openingAt: number | undefined;
  #servingAt: number | undefined;
  #killTimer: NodeJS.Timeout | undefined;
  #killedAt: number | undefined;

  static run(options: CycleOptions): Promise<CycleReport> {
    return new Cycle(options).#run();
  }

  private constructor(options: CycleOptions) {
    this.#options = options;
    this.#worker = WorkerProcess.start<ServingReport>('serve', options.location, (report) =>
      this.#hear(report),
    );
    this.#reach('start');
  }

  async #run(): Promise<CycleReport> {
    const { ok, description } = await this.#worker.ended;
    clearTimeout(this.#killTimer);
    if (this.#killedAt === undefined && !ok)
      throw new Error(`the worker has ended by itself: ${description}`);
    return {
      startedAt: this.#startedAt,
      openingAt: this.#openingAt,
      servingAt: this.#servingAt,
      killedAt: this.#killedAt,
      answersMs: this.#answersMs,
      inFlight: this.#sentAt.size,
    };
  }

  #hear(report: ServingReport): void {
    switch (report.report) {
      case 'opening':
        this.#openingAt = performance.now();
        this.#reach('opening');
        return;
      case 'serving':
        this.#serve();
        return;
      case 'answered':
        this.#options.book.answer(report.key, report.answer);
        this.#settle(report.key);
        return;
      default:
        this.#options.book.refuse(report);
        this.#settle(report.key);
    }
  }

  #serve(): void {
    this.#servingAt = performance.now();
    if (this.#killedAt !== undefined) return;
    clearTimeout(this.#killTimer);
    this.#killTimer = undefined;
    for (const client of this.#options.clients) for (const order of client.open) this.#send(order);
    this.#goOn();
  }

  #settle(key: string): void {
    this.#answersMs.push(performance.now() - (this.#sentAt.get(key) ?? 0));
    this.#sentAt.delete(key);
    for (const client of this.#options.clients) client.settle(key);
    this.#goOn();
  }

  #goOn(): void {
    if (this.#killedAt !== undefined) return;
    const { kill, clients } = this.#options;
    if (kill === undefined) {
      if (this.#sentAt.size === 0) this.#worker.finish();
      return;
    }
    for (const client of clients) for (const order of client.orders()) this.#send(order);
    if (this.#killTimer !== undefined) return;
    // A worker that was to be killed while it started, and was too quick, is killed at once.
    if (kill.after !== 'answers') this.#killIn(0);
    else if (this.#answersMs.length >= kill.count) this.#killIn(kill.delayMs);
  }

  #send({ call }: Order): void {
    this.#sentAt.set(call.key, performance.now());
    this.#worker.tell(call);
  }

  #reach(point: 'start' | 'opening'): void {
    const { kill } = this.#options;
    if (kill?.after === point) this.#killIn(kill.delayMs);
  }

  #killIn(delayMs: number): void {
    this.#killTimer = setTimeout(() => {
      this.#killedAt = performance.now();
      this.#worker.kill();
    }, delayMs);
  }
}
