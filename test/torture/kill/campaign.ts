// The cycles one after the other, on one directory: who is killed when, and what the store holds in between and at the end.
import { seededRandom, type TortureOptions } from '../harness.ts';
import { Cycle, type CycleReport, type KillMoment } from './cycle.ts';
import { type Judgement, judge } from './judgement.ts';
import { OrderBook } from './order-book.ts';
import { readThroughClient } from './store-reading.ts';
import { scanStore } from './store-scan.ts';
import { TortureClient } from './torture-client.ts';
import { findWorker } from './worker-process.ts';

const clientCount = 8;
/** The whole store is judged after so many cycles, and at the end. */
const cyclesPerJudgement = 100;
const mostAnswersPerCycle = 60;
/** Of all kills, so many come before the worker serves: as is aimed at, and as is made sure of. */
const bootShare = { usual: 0.2, least: 0.12 };

export interface Verdict {
  readonly throughClient: Judgement;
  readonly bareScan: Judgement;
}

export class Campaign {
  readonly book = new OrderBook();
  /** For each kill of a serving worker, the orders in flight. */
  readonly inFlight: number[] = [];
  /** From a kill until the next worker served; not where the store was judged in between. */
  readonly serveMs: number[] = [];
  /** What stopped it, if anything did. */
  readonly problems: string[] = [];
  cycles = 0;
  bootKills = 0;
  verdict: Verdict | undefined;
  readonly #location: string;
  readonly #options: TortureOptions;
  readonly #random: () => number;
  readonly #clients: readonly TortureClient[];
  #pace = { bootMs: 200, openingMs: 40, answerMs: 5 };
  #killedAt: number | undefined;

  /** Throws when there is no worker to be killed. */
  constructor(location: string, options: TortureOptions) {
    findWorker();
    this.#location = location;
    this.#options = options;
    this.#random = seededRandom(options.seed);
    this.#clients = Array.from(
      { length: clientCount },
      (_, index) => new TortureClient(index, options.seed, this.book),
    );
  }

  /** Ends early when something is wrong; at the end everything that was asked is answered. */
  async run(cycles: number): Promise<void> {
    try {
      while (this.cycles < cycles && this.#isSound) {
        await this.#kill();
        if (this.cycles % cyclesPerJudgement === 0 && this.cycles < cycles) await this.#judge();
        const note = `${this.book.acknowledged} acknowledged, ${this.bootKills} kills during boot`;
        this.#options.progress(this.cycles, cycles, note);
      }
      if (this.#isSound) await this.#cycle(undefined);
      await this.#judge();
    } catch (error) {
      this.problems.push(error instanceof Error ? error.message : String(error));
    }
  }

  get #isSound(): boolean {
    const { throughClient, bareScan } = this.verdict ?? {};
    return (
      this.book.strange.length === 0 && [throughClient, bareScan].every((seen) => seen?.isSound !== false)
    );
  }

  async #kill(): Promise<void> {
    const report = await this.#cycle(this.#killMoment());
    this.cycles += 1;
    if (report.servingAt === undefined) this.bootKills += 1;
    else this.inFlight.push(report.inFlight);
  }

  async #cycle(kill: KillMoment | undefined): Promise<CycleReport> {
    const { book } = this;
    const report = await Cycle.run({ location: this.#location, book, clients: this.#clients, kill });
    const { startedAt, openingAt = startedAt, servingAt, answersMs } = report;
    if (servingAt !== undefined) {
      if (this.#killedAt !== undefined) this.serveMs.push(servingAt - this.#killedAt);
      const answerMs = answersMs.length === 0 ? this.#pace.answerMs : mean(answersMs);
      this.#pace = { bootMs: servingAt - startedAt, openingMs: servingAt - openingAt, answerMs };
    }
    this.#killedAt = report.killedAt ?? this.#killedAt;
    return report;
  }

  /** The first kill falls into the making of the store. */
  #killMoment(): KillMoment {
    const { bootMs, openingMs, answerMs } = this.#pace;
    const chance = this.#random();
    const isBoot = chance < bootShare.usual || this.bootKills < bootShare.least * (this.cycles + 1);
    if (!isBoot) {
      const count = Math.floor(this.#random() * mostAnswersPerCycle);
      return { after: 'answers', count, delayMs: this.#random() * answerMs };
    }
    return this.cycles === 0 || this.#random() < 0.5
      ? { after: 'opening', delayMs: this.#random() * openingMs }
      : { after: 'start', delayMs: this.#random() * bootMs };
  }

  async #judge(): Promise<void> {
    const throughClient = judge(this.book.entries, await readThroughClient(this.#location));
    const bareScan = judge(this.book.entries, await scanStore(this.#location));
    this.verdict = { throughClient, bareScan };
    this.#killedAt = undefined;
    if (throughClient.events !== bareScan.events)
      this.problems.push(
        `the Client reads ${throughClient.events} events, the store holds ${bareScan.events}`,
      );
  }
}

const mean = (numbers: readonly number[]): number => numbers.reduce((sum, n) => sum + n, 0) / numbers.length;
