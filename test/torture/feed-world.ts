// A store that outlives its processes, and the lives lived on it: sessions, a stored projection that counts messages, and a
// process manager that answers each message with an audit in another session.
import { telemetryTo } from '../../src/base/telemetry.ts';
import { defaultSessionConfig } from '../../src/domain/session/session-config.ts';
import type { MessageData } from '../../src/domain/session/session-events.ts';
import { sessionStream } from '../../src/domain/session/session-law.ts';
import type { Announcement } from '../../src/entity/announcement.ts';
import { Follower } from '../../src/entity/follower.ts';
import { ProcessManager, type ProcessManagerDefinition } from '../../src/entity/process-manager.ts';
import type { Cursor, FeedEntry, Journal } from '../../src/journal/journal.ts';
import { LevelJournal } from '../../src/journal/level-journal.ts';
import { LocalPubSub } from '../../src/pubsub/local-pubsub.ts';
import { SessionManager } from '../../src/session/session-manager.ts';
import { globalTopic } from '../../src/session/topics.ts';
import { type Fault, faultyLevel, nthWrite } from '../../src/testing/faulty-level.ts';
import { manualClock } from '../../src/testing/manual-clock.ts';
import { managerOptions } from '../support/manager-options.ts';

export const sourceIds = Array.from({ length: 6 }, (_, i) => `source-${i}`);
export const auditIds = Array.from({ length: 3 }, (_, i) => `audit-${i}`);

const positionKey = 'feed-torture/position';
const countKey = (sessionId: string): string => `feed-torture/count/${sessionId}`;

/** All audits of one session's messages go to one session, so that their order can be judged. */
const auditing: ProcessManagerDefinition = {
  name: 'auditing',
  initial: null,
  react(_state, { stream, seq, type }) {
    if (type !== 'message.sent' || !stream.startsWith('session/source-')) return undefined;
    const sessionId = auditIds[Number(stream.slice(-1)) % auditIds.length] ?? '';
    return { commands: [{ operation: 'messages.send', input: { sessionId, content: `${stream}:${seq}` } }] };
  },
};

export class FeedWorld {
  readonly #disk = faultyLevel();
  readonly #clock = manualClock();
  /** Commands of the process manager that the receiver had taken already. */
  resent = 0;

  /** Fails the n-th write from now on, once. */
  failOnce(writes: number, fault: Fault): void {
    this.#disk.failWrites(nthWrite(this.#disk.writes + writes, fault));
  }

  /** A life that ends in order. */
  async live(work: (life: FeedLife) => Promise<void>): Promise<void> {
    const life = await this.#begin();
    await this.#whileTimePasses(work(life));
    await this.#whileTimePasses(life.close());
  }

  /** A life that is cut off before its n-th write: what was written is there, and nobody is told anything. */
  async dieAfter(writes: number, work: (life: FeedLife) => Promise<void>): Promise<void> {
    const { arrived, release } = this.#disk.holdWrites(writes);
    const lived = (async () => {
      const life = await this.#begin();
      await work(life);
      await life.catchUp();
    })();
    lived.catch(() => undefined);
    await this.#whileTimePasses(Promise.race([arrived, lived.catch(() => undefined)]));
    await this.#disk.crash();
    release();
    this.#disk.heal();
    this.#disk.holdWrites(Number.POSITIVE_INFINITY);
  }

  async #begin(): Promise<FeedLife> {
    return FeedLife.begin(this.#disk.open, this.#clock, () => {
      this.resent += 1;
    });
  }

  async #whileTimePasses<T>(call: Promise<T>): Promise<T> {
    let ended = false;
    const end = (): void => {
      ended = true;
    };
    call.then(end, end);
    while (!ended) await this.#clock.advance(50);
    return call;
  }
}

export class FeedLife {
  readonly #journal: Journal;
  readonly #manager: SessionManager;
  readonly #projection: Follower;
  readonly #processManager: ProcessManager;

  static async begin(
    open: ReturnType<typeof faultyLevel>['open'],
    clock: ReturnType<typeof manualClock>,
    onRepeat: () => void,
  ): Promise<FeedLife> {
    const telemetry = telemetryTo(undefined, () => clock.now());
    const journal = await LevelJournal.open({ open, clock, telemetry });
    const pubsub = new LocalPubSub<Announcement>(telemetry);
    const manager = new SessionManager({ ...(await managerOptions({ journal, clock, telemetry })), pubsub });
    manager.adopt((await journal.list({ prefix: 'session/' })).heads);
    manager.serve();
    const onGrowth = (wake: () => void): (() => void) => pubsub.subscribe(globalTopic, wake);
    const projection = new Follower({
      name: 'counting',
      journal,
      clock,
      telemetry,
      load: async () => ((await journal.kv.get(positionKey)) as Cursor | undefined) ?? null,
      handle: (entries, position) => count(journal, entries, position),
      onGrowth,
    });
    const processManager = await ProcessManager.start({
      definition: auditing,
      journal,
      clock,
      telemetry,
      onGrowth,
      pageSize: 3,
      async send({ input: { sessionId, content } }, source) {
        const message = { role: 'tool' as const, content: String(content) };
        const { repeated } = await manager.send(sessionId, { type: 'message.send', message }, { source });
        if (repeated === true) onRepeat();
      },
    });
    return new FeedLife(journal, manager, projection, processManager);
  }

  private constructor(
    journal: Journal,
    manager: SessionManager,
    projection: Follower,
    processManager: ProcessManager,
  ) {
    this.#journal = journal;
    this.#manager = manager;
    this.#projection = projection;
    this.#processManager = processManager;
  }

  async open(sessionId: string): Promise<void> {
    const profile = {
      name: null,
      agent: null,
      metadata: {},
      llmConfig: {},
      config: defaultSessionConfig,
      parentSessionId: null,
    };
    await this.#manager.create(sessionId, profile, {});
  }

  async send(sessionId: string, content: string): Promise<void> {
    await this.#manager.send(sessionId, { type: 'message.send', message: { role: 'user', content } });
  }

  /** Lets what is under way go on a little. */
  turn(): Promise<void> {
    return new Promise((resolve) => {
      setImmediate(resolve);
    });
  }

  /** The projection and the process manager have handled everything, the audits included. */
  async catchUp(): Promise<void> {
    await this.#processManager.catchUp();
    await this.#projection.catchUp();
  }

  projected(sessionId: string): Promise<unknown> {
    return this.#journal.kv.get(countKey(sessionId));
  }

  async messages(sessionId: string): Promise<{ readonly seq: number; readonly content: string }[]> {
    const messages: { seq: number; content: string }[] = [];
    for (let after = 0, end = false; !end; ) {
      const page = await this.#journal.readFrom(sessionStream(sessionId), after);
      for (const { seq, type, data } of page.events) {
        if (type === 'message.sent') messages.push({ seq, content: String((data as MessageData).content) });
      }
      after = page.events.at(-1)?.seq ?? after;
      end = page.end;
    }
    return messages;
  }

  async close(): Promise<void> {
    await this.#processManager.stop();
    await this.#projection.stop();
    await this.#manager.stop();
    await this.#journal.close();
  }
}

/** Rows and position are one write: whatever happens between two of them, a message is counted once. */
async function count(journal: Journal, entries: readonly FeedEntry[], position: Cursor): Promise<void> {
  const counts = new Map<string, number>();
  for (const { stream, type } of entries.flatMap(({ events }) => events)) {
    if (type !== 'message.sent') continue;
    const sessionId = stream.slice('session/'.length);
    const known = counts.get(sessionId) ?? Number((await journal.kv.get(countKey(sessionId))) ?? 0);
    counts.set(sessionId, known + 1);
  }
  const rows = [...counts].map(([sessionId, messages]) => ({ key: countKey(sessionId), value: messages }));
  await journal.kv.batch([...rows, { key: positionKey, value: position }]);
}
