// One session under every move that can race, over a disk whose writes are let through in any order of the scheduler's: never
// two actors that live, never none when one is due, and all that was acknowledged there once, in order.
import fc, { type Scheduler } from 'fast-check';
import { defaultSessionConfig } from '../../src/domain/session/session-config.ts';
import type { SessionProfile } from '../../src/domain/session/session-events.ts';
import type { Announcement } from '../../src/entity/announcement.ts';
import { LevelJournal } from '../../src/journal/level-journal.ts';
import type { Store } from '../../src/journal/level-store.ts';
import { LocalPubSub } from '../../src/pubsub/local-pubsub.ts';
import { SessionActor } from '../../src/session/session-actor.ts';
import { SessionManager } from '../../src/session/session-manager.ts';
import { faultyLevel } from '../../src/testing/faulty-level.ts';
import { manualClock } from '../../src/testing/manual-clock.ts';
import { managerOptions } from './manager-options.ts';
import { codeOf, quiet } from './outcome.ts';

/** A send wakes it, a crash kills its actors, and while time passes it is passivated and started again. */
export type RaceMove = 'send' | 'crash' | 'pass' | 'hibernate';

const kinds = ['send', 'send', 'send', 'crash', 'pass', 'hibernate'] as const;

/** What is done to a session that is just being created. */
export const raceMoves = fc.array(fc.constantFrom<RaceMove>(...kinds), {
  ...{ minLength: 4, maxLength: 16 },
  size: 'max',
});

const profile: SessionProfile = {
  ...{ name: null, agent: null, metadata: {}, llmConfig: {}, parentSessionId: null },
  config: defaultSessionConfig,
};

/** What broke, in words; empty when all held. */
export async function raceOf(plan: readonly RaceMove[], scheduler: Scheduler): Promise<string[]> {
  const race = new SessionRace(scheduler);
  await race.run(plan);
  return race.broken;
}

class SessionRace {
  readonly broken: string[] = [];
  readonly #scheduler: Scheduler;
  readonly #disk = faultyLevel();
  readonly #clock = manualClock();
  readonly #living = new Set<SessionActor>();
  /** By content, the seq that was acknowledged. */
  readonly #acknowledged = new Map<string, number>();
  #sent = 0;
  /** Before and after, writes are let through at once. */
  #isRacing = false;
  #journal: LevelJournal | undefined;

  constructor(scheduler: Scheduler) {
    this.#scheduler = scheduler;
  }

  async run(plan: readonly RaceMove[]): Promise<void> {
    const manager = await this.#start();
    this.#isRacing = true;
    void this.#play(manager, plan).then(() => {
      this.#isRacing = false;
    });
    // What waits is let go one by one, in the scheduler's order; when nothing does, time passes.
    for (let step = 0; this.#isRacing || this.#scheduler.count() > 0; step++) {
      if (this.#scheduler.count() > 0) await this.#scheduler.waitOne();
      else await this.#clock.advance(50);
      await quiet(1);
      if (step > 2_000) {
        this.broken.push('a call was not answered');
        return;
      }
    }
    await this.#judge(manager);
  }

  /** Each move begins at its turn; only the passing of time waits until all before it was answered, so that it finds it quiet. */
  async #play(manager: SessionManager, plan: readonly RaceMove[]): Promise<void> {
    const calls: Promise<unknown>[] = [codeOf(manager.create('s', profile, {}))];
    for (const move of plan) {
      await this.#turn(move);
      if (move === 'pass') await Promise.allSettled(calls);
      calls.push(this.#make(manager, move));
    }
    await Promise.allSettled(calls);
  }

  async #start(): Promise<SessionManager> {
    const telemetry = (): void => {};
    const journal = await LevelJournal.open({ open: () => this.#open(), clock: this.#clock, telemetry });
    this.#journal = journal;
    const manager = new SessionManager({
      ...(await managerOptions({ journal, clock: this.#clock, telemetry })),
      pubsub: new LocalPubSub<Announcement>(telemetry),
      passivateAfterMs: 20,
      startActor: async (options, start) => {
        const actor = await SessionActor.start(options, start);
        this.#lives(actor);
        await this.#turn('start');
        const stop = actor.stop.bind(actor);
        return Object.assign(actor, { stop: () => this.#turn('stop').then(stop) });
      },
    });
    manager.serve();
    return manager;
  }

  async #turn(name: string): Promise<void> {
    if (this.#isRacing) await this.#scheduler.schedule(Promise.resolve(), name);
  }

  /** Each write waits for its turn, before it is carried out and again before it is answered. */
  async #open(): Promise<Store> {
    const store = await this.#disk.open();
    const batch = store.batch.bind(store) as (...args: unknown[]) => unknown;
    const turn = (name: string): Promise<void> => this.#turn(name);
    const scheduled = async (...args: unknown[]): Promise<void> => {
      await turn('write');
      await batch(...args);
      await turn('answer');
    };
    const chained = (): object => {
      const made = batch() as { write(options?: object): Promise<void> };
      const write = made.write.bind(made);
      return Object.assign(made, {
        async write(options: object = {}) {
          await turn('write');
          await write(options);
          await turn('answer');
        },
      });
    };
    return Object.assign(store, {
      batch: (...args: unknown[]) => (args.length > 0 ? scheduled(...args) : chained()),
    });
  }

  #lives(actor: SessionActor): void {
    this.#living.add(actor);
    if (this.#living.size > 1) this.broken.push(`${this.#living.size} actors are alive`);
    void actor.exited.then(() => this.#living.delete(actor));
  }

  async #make(manager: SessionManager, move: RaceMove): Promise<void> {
    if (move === 'send') await this.#send(manager, `${this.#sent++}`);
    else if (move === 'crash') manager.find('session:s')?.crash(new Error('the fault of the race'));
    else if (move === 'pass') await this.#clock.advance(25);
    else await manager.send('s', { type: 'session.hibernate', reason: 'race' }).catch(() => undefined);
  }

  async #send(manager: SessionManager, content: string): Promise<void> {
    const command = { type: 'message.send', message: { role: 'user', content } } as const;
    try {
      const { seq } = await manager.send('s', command);
      this.#acknowledged.set(content, seq);
    } catch (error) {
      const { code } = error as { code?: string };
      if (!['NOT_COMMITTED', 'OUTCOME_UNKNOWN', 'SESSION_NOT_FOUND'].includes(String(code)))
        this.broken.push(`a message was refused with ${code ?? error}`);
    }
  }

  async #judge(manager: SessionManager): Promise<void> {
    // One that is not due may have none; a command makes it due.
    if (this.broken.length === 0) await this.#settled(this.#send(manager, 'last'));
    if (!this.#acknowledged.has('last')) this.broken.push('the last message was not answered');
    if (this.#living.size !== 1) this.broken.push(`${this.#living.size} actors are alive in the end`);
    const { events = [] } = (await this.#journal?.readFrom('session/s', 0)) ?? {};
    const kept = events
      .filter(({ type }) => type === 'message.sent')
      .map(({ seq, data }) => [(data as { content: string }).content, seq] as const);
    const contents = kept.map(([content]) => content);
    if (new Set(contents).size !== contents.length) this.broken.push(`twice: ${contents.join(' ')}`);
    for (const [content, seq] of this.#acknowledged)
      if (!kept.some((each) => each[0] === content && each[1] === seq))
        this.broken.push(`${content} at ${seq} is lost`);
    const inOrder = [...this.#acknowledged]
      .filter(([content]) => content !== 'last')
      .sort(([a], [b]) => Number(a) - Number(b));
    if (inOrder.some(([, seq], i) => seq <= (inOrder[i - 1]?.[1] ?? 0))) this.broken.push('out of order');
    await this.#settled(manager.stop());
    if (this.#living.size > 0) this.broken.push('an actor outlives its manager');
  }

  async #settled(call: Promise<void>): Promise<void> {
    let waiting = true;
    void call.finally(() => {
      waiting = false;
    });
    for (let step = 0; waiting && step < 1_000; step++) {
      await quiet(1);
      if (waiting) await this.#clock.advance(1);
    }
    if (waiting) this.broken.push('a call was not answered');
  }
}
