// Life for entities that are no sessions: one supervised child for each stream of a kind, hydrated when it is first asked for,
// woken when something falls due, and let go when others are needed more. What crashes harms no other.
import type { ChildReport } from '../actor/child-report.ts';
import { isCrash, sessionRestartPolicy } from '../actor/child-spec.ts';
import { DynamicSupervisor } from '../actor/dynamic-supervisor.ts';
import type { SupervisionNode } from '../actor/supervision-tree.ts';
import { HoldfastError, toError } from '../base/errors.ts';
import type { Command } from '../domain/law.ts';
import type { Answer, CommandMeta } from '../entity/command-meta.ts';
import { countedTime, Deadlines, dueByClock } from '../entity/deadlines.ts';
import type { EntityPorts } from '../entity/entity-options.ts';
import type { Head, StoredEvent } from '../journal/journal.ts';
import { HostedEntity } from './hosted-entity.ts';

export interface EntityHostOptions<State, C extends Command> extends EntityPorts<State, C> {
  /** Events of one stream became durable together; `state` is the state after the last. */
  readonly tell: (id: string, events: readonly StoredEvent[], state: State) => void;
  /** Beyond so many the least recently used of those that are quiet are let go. */
  readonly maxLiving?: number;
}

const defaultMaxLiving = 1_000;
/** What fell due and could not be carried out is tried again after so long. */
const wakeAgainMs = 1_000;

export class EntityHost<State, C extends Command> {
  readonly #options: EntityHostOptions<State, C>;
  readonly #maxLiving: number;
  readonly #supervisor: DynamicSupervisor<HostedEntity<State, C>>;
  readonly #deadlines: Deadlines;
  /** The living, least recently used first. */
  readonly #used = new Set<string>();
  /** Those that crashed too often: the next process takes them up again. */
  readonly #givenUp = new Map<string, Error>();
  /** Those that are being started: who asks meanwhile waits behind who asked before, also where it lives before they have heard so. */
  readonly #starting = new Map<string, Promise<HostedEntity<State, C>>>();
  /** Those whose streams are being rewritten: who asks for them waits. */
  readonly #rewriting = new Map<string, Promise<void>>();

  constructor(options: EntityHostOptions<State, C>) {
    const { clock, law, maxLiving = defaultMaxLiving } = options;
    this.#options = options;
    this.#maxLiving = maxLiving;
    this.#supervisor = new DynamicSupervisor(clock, (report) => this.#hear(report), { id: law.kind });
    this.#deadlines = new Deadlines(clock, (...rung) => void this.#wake(...rung));
  }

  /** How many live now. */
  get size(): number {
    return this.#supervisor.size;
  }

  streamOf(id: string): string {
    return `${this.#options.law.kind}/${id}`;
  }

  /** Those that were given up, and why. */
  get givenUp(): ReadonlyMap<string, Error> {
    return this.#givenUp;
  }

  /** Takes over what the journal holds: nothing is read but heads, and only what is due is woken. */
  adopt(head: Pick<Head, 'stream' | 'dueAt' | 'updatedAt'>): void {
    this.#deadlines.adopt(idOf(head.stream), head);
  }

  /** Throws `ENTITY_GIVEN_UP`, and what the entity throws. */
  async send(id: string, command: C, meta?: CommandMeta): Promise<Answer> {
    const { entity } = await this.#living(id);
    return entity.send(command, meta);
  }

  /** The durable state; that of a stream which was never written is the initial one. */
  async read(id: string): Promise<{ readonly state: State; readonly seq: number }> {
    const { entity } = await this.#living(id);
    await entity.whenRead();
    return { state: entity.durable, seq: entity.seq };
  }

  /** The time of a stream, as far as it is known without waiting. */
  timeOf(id: string): number {
    return this.#supervisor.find(id)?.entity.time ?? this.#options.clock.now();
  }

  /** The durable state of one that lives now, without waiting for anything. */
  peek(id: string): State | undefined {
    return this.#supervisor.find(id)?.entity.durable;
  }

  /** Lets it go and removes its stream; resolves when nothing of it is there. */
  async remove(id: string): Promise<void> {
    const { journal } = this.#options;
    this.#deadlines.schedule(id, null);
    await this.#supervisor.stop(id);
    this.#used.delete(id);
    this.#givenUp.delete(id);
    const head = await journal.head(this.streamOf(id));
    if (head === undefined || head.firstSeq > head.seq) return;
    const removed = await journal.remove(head.stream, head.version);
    if (!removed.ok) throw new HoldfastError('NOT_COMMITTED', { command: 'remove', stream: head.stream });
  }

  /** Nothing of it is in memory while `job` changes what is stored of it. */
  async rewrite<Result>(id: string, job: () => Promise<Result>): Promise<Result> {
    const done = (this.#rewriting.get(id) ?? Promise.resolve()).then(async () => {
      await this.#supervisor.stop(id);
      this.#used.delete(id);
      return job();
    });
    const settled = done.then(
      () => {},
      () => {},
    );
    this.#rewriting.set(id, settled);
    try {
      return await done;
    } finally {
      if (this.#rewriting.get(id) === settled) this.#rewriting.delete(id);
    }
  }

  tree(): SupervisionNode {
    return this.#supervisor.tree();
  }

  /** What was sent before is answered. */
  async close(): Promise<void> {
    this.#deadlines.close();
    await this.#supervisor.stopAll();
  }

  /** At once, for one that is to be made anew. */
  kill(): void {
    this.#deadlines.close();
    this.#supervisor.killAll();
  }

  async #living(id: string): Promise<HostedEntity<State, C>> {
    const reason = this.#givenUp.get(id);
    if (reason !== undefined)
      throw new HoldfastError(
        'ENTITY_GIVEN_UP',
        { stream: this.streamOf(id), problem: reason.message },
        { cause: reason },
      );
    await this.#rewriting.get(id);
    const found = await this.#found(id);
    this.#use(id);
    return found.isOpen ? found : this.#living(id);
  }

  async #found(id: string): Promise<HostedEntity<State, C>> {
    const starting = this.#starting.get(id);
    const found = starting === undefined ? this.#supervisor.find(id) : undefined;
    if (found !== undefined) return found;
    const started = starting ?? this.#start(id);
    this.#starting.set(id, started);
    try {
      return await started;
    } finally {
      if (this.#starting.get(id) === started) this.#starting.delete(id);
    }
  }

  async #start(id: string): Promise<HostedEntity<State, C>> {
    const stream = this.streamOf(id);
    const tell = (events: readonly StoredEvent[], state: State): void => this.#tell(id, events, state);
    const child = await this.#supervisor.start({
      id,
      policy: sessionRestartPolicy,
      start: (incarnation) => HostedEntity.start({ ports: this.#options, stream, incarnation, tell }),
    });
    this.#follow(id, child.entity.durable, child.entity.time);
    return child;
  }

  #tell(id: string, events: readonly StoredEvent[], state: State): void {
    this.#follow(id, state, Math.max(this.timeOf(id), events.at(-1)?.at ?? 0));
    this.#options.tell(id, events, state);
  }

  #follow(id: string, state: State, time: number): void {
    const { law, clock } = this.#options;
    const counted = countedTime(law, state, time);
    this.#deadlines.schedule(id, dueByClock(law, state, time, clock.now()), counted);
  }

  async #wake(id: string, time: number): Promise<void> {
    const { clock, law, telemetry } = this.#options;
    try {
      const { entity } = await this.#living(id);
      const before = { seq: entity.seq, at: clock.now() };
      entity.wake(time);
      await entity.settle();
      const now = clock.now();
      const next = dueByClock(law, entity.durable, entity.time, now);
      // What fell due while the disk worked is next; only what was due and led to nothing has to wait.
      const isNew = entity.seq > before.seq || (next ?? 0) > before.at;
      const again = isNew ? now : now + wakeAgainMs;
      const counted = countedTime(law, entity.durable, entity.time);
      if (next !== null) this.#deadlines.schedule(id, next > now ? next : again, counted);
    } catch (error) {
      telemetry('entity.wakeFailed', { stream: this.streamOf(id), problem: toError(error).message });
      if (!this.#givenUp.has(id)) this.#deadlines.schedule(id, clock.now() + wakeAgainMs, time);
    }
  }

  #use(id: string): void {
    this.#used.delete(id);
    this.#used.add(id);
    if (this.#used.size <= this.#maxLiving) return;
    for (const other of this.#used) {
      if (other !== id && this.#supervisor.find(other)?.entity.isQuiet !== false) {
        this.#used.delete(other);
        void this.#supervisor.stop(other);
        return;
      }
    }
  }

  #hear(report: ChildReport): void {
    const { telemetry } = this.#options;
    const stream = this.streamOf(report.id);
    if (report.type === 'child.exited' && isCrash(report.exit))
      telemetry('entity.crashed', { stream, problem: report.exit.error.message });
    if (report.type !== 'child.givenUp') return;
    this.#used.delete(report.id);
    this.#givenUp.set(report.id, report.error);
    telemetry('entity.givenUp', { stream, restarts: report.restarts, problem: report.error.message });
  }
}

const idOf = (stream: string): string => stream.slice(stream.indexOf('/') + 1);
