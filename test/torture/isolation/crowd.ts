// A crowd of sessions in one process: a tenth of them is killed by all routes while the others are at work. In the end each
// session is asked for what it holds, and everybody's account is compared with it.
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { DeliveredEvent } from '../../../src/operations/views/views.ts';
import { createSystem, type System } from '../../../src/system.ts';
import { type ManualClock, manualClock } from '../../../src/testing/manual-clock.ts';
import { seededRandom } from '../harness.ts';
import { steadyHeap } from '../heap.ts';
import { agents } from './faulty-agents.ts';
import { type Ledger, newLedger } from './ledger.ts';
import { Member } from './member.ts';
import { type Route, routes, tooOften } from './routes.ts';
import { Watcher } from './watcher.ts';

export interface CrowdOptions {
  readonly sessions: number;
  readonly victims: number;
  readonly seed: number;
  /** False for the same run in which nobody is killed. */
  readonly kills: boolean;
  readonly measureHeap: boolean;
}

type Progress = (done: number, total: number, note: string) => void;

const mostWaves = 40;
const leastPerWave = 20;
/** Of the victims that can be, one in so many is killed until it is quarantined; all routes have their turn. */
const quarantined = 9;
/** Of all sessions, one in so many is heard by an iterator. */
const iterated = 10;
const atOnce = 250;

interface Attack {
  readonly victim: Member;
  readonly route: Route;
  readonly harm: number;
}

export class Crowd {
  readonly #options: CrowdOptions;
  readonly #progress: Progress;
  readonly #random: () => number;
  readonly #members: Member[] = [];
  readonly #byId = new Map<string, Member>();
  readonly #attacks: Attack[] = [];
  readonly #enraged = new Set<string>();
  readonly #iterators: Promise<void>[] = [];
  readonly #ledger: Ledger = newLedger();
  readonly #watcher = new Watcher(
    (sessionId) => this.#byId.get(sessionId)?.route !== undefined,
    (sessionId) => {
      const member = this.#byId.get(sessionId);
      if (member !== undefined) member.roots += 1;
    },
  );

  constructor(options: CrowdOptions, progress: Progress) {
    this.#options = options;
    this.#progress = progress;
    this.#random = seededRandom(options.seed);
    this.#gather();
  }

  async run(): Promise<Ledger> {
    const location = mkdtempSync(join(tmpdir(), 'holdfast-isolation-'));
    const cleanUp = (): void => rmSync(location, { recursive: true, force: true, maxRetries: 5 });
    process.once('exit', cleanUp);
    try {
      const clock = manualClock();
      await whileTimePasses(clock, this.#live(await this.#open(location, clock)));
      this.#release();
      if (this.#options.measureHeap) this.#ledger.heapClosed = await steadyHeap();
      return this.#ledger;
    } finally {
      process.off('exit', cleanUp);
      cleanUp();
    }
  }

  /** Who there is, who is killed, how, and how often: the seed decides. */
  #gather(): void {
    const { sessions, victims, kills } = this.#options;
    const order = shuffled(
      Array.from({ length: sessions }, (_, i) => i),
      this.#random,
    );
    const placeOf = new Map(order.slice(0, victims).map((i, n) => [i, n]));
    for (let i = 0; i < sessions; i++) {
      const n = placeOf.get(i);
      const route = n === undefined ? undefined : routes[n % routes.length];
      const iterates = i % iterated === 0 && route === undefined;
      const member = new Member(`crowd-${i}`, route?.name, iterates);
      this.#members.push(member);
      this.#byId.set(member.sessionId, member);
      if (n === undefined || route === undefined) continue;
      const often = n % quarantined === 0 && route.canQuarantine;
      this.#attacks.push({ victim: member, route, harm: kills ? (often ? tooOften : 1) : 0 });
    }
  }

  #open(location: string, clock: ManualClock): Promise<System> {
    return createSystem({
      location,
      clock,
      agents,
      passivateAfterMs: null,
      maxActiveSessions: this.#options.sessions + 1,
      session: { idleAfterMs: null, dormantAfterMs: null },
      inspect: this.#watcher.inspect,
      onTelemetry: this.#watcher.hear,
    });
  }

  async #live(system: System): Promise<void> {
    const { sessions, measureHeap } = this.#options;
    const each = async (work: (member: Member) => Promise<unknown>, note: string): Promise<void> => {
      for (let i = 0; i < sessions; i += atOnce) {
        await Promise.all(this.#members.slice(i, i + atOnce).map(work));
        this.#progress(Math.min(i + atOnce, sessions), sessions, note);
      }
    };
    await each((member) => this.#join(system, member), 'sessions opened');
    await this.#rampage(system);
    await this.#bringBack(system);
    await each((member) => this.#judge(system, member), 'sessions judged');
    this.#judgeTree(system);
    if (measureHeap) this.#ledger.heapQuiet = await steadyHeap();
    await system.close();
    await Promise.all(this.#iterators);
    this.#count();
  }

  /** A callback is there before anything is to be heard; an iterator reads from the beginning. */
  async #join({ client }: System, member: Member): Promise<void> {
    const { sessionId } = member;
    const hear = (event: DeliveredEvent): void => {
      member.hear(event);
      if (this.#enraged.has(sessionId)) throw new Error('a bad listener');
    };
    if (!member.iterates) await client.events.subscribe(sessionId, hear);
    await client.sessions.create({ sessionId });
    if (member.iterates) this.#iterators.push(readAll(client.events.stream({ sessionId }), member));
    await this.#ask(client, member, 2);
  }

  /** In each wave some are killed while a part of the others asks; what is asked of a victim is under way when it dies. */
  async #rampage({ client }: System): Promise<void> {
    const waves = Math.min(mostWaves, Math.ceil(this.#options.sessions / leastPerWave));
    const calls: Promise<unknown>[] = [];
    for (let wave = 0; wave < waves; wave++) {
      const asking = this.#members.filter((_, i) => i % waves === wave || (i * 7 + 3) % waves === wave);
      const attacks = this.#attacks.filter((_, i) => i % waves === wave);
      const every = Math.max(1, Math.floor(asking.length / Math.max(1, attacks.length)));
      const wavesCalls: Promise<unknown>[] = [];
      for (const [i, member] of asking.entries()) {
        wavesCalls.push(this.#ask(client, member, 3));
        const attack = i % every === 0 ? attacks.shift() : undefined;
        if (attack !== undefined) wavesCalls.push(this.#attack(client, attack));
      }
      for (const attack of attacks) wavesCalls.push(this.#attack(client, attack));
      // A wave begins before the one before it is over.
      calls.push(...wavesCalls);
      await Promise.all(wavesCalls.slice(0, wavesCalls.length / 2));
      this.#progress(wave + 1, waves, `waves, ${this.#ledger.kills} kills`);
    }
    await Promise.all(calls);
  }

  async #attack(client: System['client'], { victim, route, harm }: Attack): Promise<void> {
    const { sessionId } = victim;
    const enrage = (): void => void this.#enraged.add(sessionId);
    const before = this.#ask(client, victim, 2);
    try {
      await route.strike({ client, watcher: this.#watcher, sessionId, harm, enrage });
    } catch (error) {
      this.#ledger.broken.push(`${sessionId}, killed by ${route.name}: ${String(error)}`);
    }
    await before;
    await this.#ask(client, victim, 2);
    this.#ledger.kills += harm;
    this.#ledger.killed[route.name] = (this.#ledger.killed[route.name] ?? 0) + (harm > 0 ? 1 : 0);
  }

  async #ask(client: System['client'], member: Member, count: number): Promise<void> {
    const send = (content: string): Promise<{ seq: number }> =>
      client.messages.send({ sessionId: member.sessionId, role: 'user', content });
    await Promise.all(Array.from({ length: count }, () => member.ask(send)));
  }

  /** Whoever was killed too often is quarantined, and is brought back by hand; then all take commands again. */
  async #bringBack({ client }: System): Promise<void> {
    for (const { victim, harm } of this.#attacks) {
      const { sessionId } = victim;
      const { status } = await client.sessions.get({ sessionId });
      if ((status === 'quarantined') !== harm >= tooOften)
        this.#ledger.broken.push(`${sessionId}, killed ${harm} times by ${victim.route}, is ${status}`);
      if (status === 'quarantined') {
        this.#ledger.quarantined += 1;
        await client.sessions.retry({ sessionId, agents: 'stop' });
      }
      const before = victim.answers.length;
      await this.#ask(client, victim, 1);
      if (victim.answers.length === before)
        this.#ledger.broken.push(`${sessionId}, killed by ${victim.route}, takes no commands any more`);
    }
  }

  async #judge({ client }: System, member: Member): Promise<void> {
    const { sessionId } = member;
    const { seq } = await client.sessions.get({ sessionId });
    for (let turn = 0; member.heard.length < seq && turn < 200; turn++)
      await new Promise((resolve) => setImmediate(resolve));
    const { items } = await client.messages.list({ sessionId, limit: 1_000 });
    const faults = [
      ...member.faults(seq),
      ...member.lossesIn(items.map(({ content }) => String(content))),
      ...(member.route === undefined && this.#watcher.alarmed.has(sessionId) ? ['it was reported'] : []),
    ];
    const whose = member.route === undefined ? 'left alone' : `killed by ${member.route}`;
    for (const fault of faults) this.#ledger.broken.push(`${sessionId}, ${whose}: ${fault}`);
  }

  #judgeTree(system: System): void {
    const sessions = system.tree().children?.find(({ id }) => id === 'sessions')?.children ?? [];
    const touched = sessions.filter(({ incarnation, restarts }) => incarnation > 1 || restarts > 0);
    for (const { id } of touched)
      if (this.#byId.get(id)?.route === undefined)
        this.#ledger.broken.push(`${id}, left alone: it was started again`);
    if (sessions.length !== this.#members.length)
      this.#ledger.broken.push(`${sessions.length} sessions of ${this.#members.length} are alive at the end`);
    this.#ledger.restarted = touched.length;
  }

  #count(): void {
    const ledger = this.#ledger;
    for (const { route, asked, answers, heard } of this.#members) {
      if (route === undefined) {
        ledger.untouched += 1;
        ledger.fewest = Math.min(ledger.fewest, asked);
      }
      ledger.asked += asked;
      ledger.answered += answers.length;
      ledger.heard += heard.length;
    }
    ledger.iterators = this.#iterators.length;
    ledger.inspectorFaults = this.#watcher.thrown;
    ledger.subscriberFaults = this.#watcher.counts.get('subscriber.failed') ?? 0;
    ledger.abandoned = this.#watcher.counts.get('agent.abandoned') ?? 0;
    ledger.crashes = this.#watcher.counts.get('session.crashed') ?? 0;
    ledger.agentCrashes = this.#watcher.counts.get('agent.crashed') ?? 0;
  }

  #release(): void {
    this.#members.length = 0;
    this.#attacks.length = 0;
    this.#iterators.length = 0;
    this.#byId.clear();
    this.#watcher.forget();
  }
}

async function readAll(events: AsyncIterable<DeliveredEvent>, member: Member): Promise<void> {
  for await (const event of events) member.hear(event);
}

async function whileTimePasses(clock: ManualClock, work: Promise<void>): Promise<void> {
  let over = false;
  const end = (): void => {
    over = true;
  };
  work.then(end, end);
  while (!over) await clock.advance(50);
  await work;
}

function shuffled<T>(items: readonly T[], random: () => number): T[] {
  const left = [...items];
  for (let i = left.length - 1; i > 0; i--) {
    const j = Math.floor(random() * (i + 1));
    [left[i], left[j]] = [left[j] as T, left[i] as T];
  }
  return left;
}
