// A process manager: follows the feed, decides on what it reads, and sends commands. Its position and its decision are one
// append; a command that it had not yet sent when the process died is sent again, and the receiver knows it by its source.
import type { Exit, SupervisedChild } from '../actor/child-spec.ts';
import type { SupervisionNode } from '../actor/supervision-tree.ts';
import { HoldfastError } from '../base/errors.ts';
import type { Json } from '../base/json.ts';
import type { Law, LawEvent } from '../domain/law.ts';
import type { Cursor, FeedEntry, StoredEvent } from '../journal/journal.ts';
import type { CommandSource } from './command-meta.ts';
import { Entity } from './entity.ts';
import type { EntityOptions } from './entity-options.ts';
import { Follower, type FollowerOptions } from './follower.ts';

/** An operation that the manager asks for, as plain data. Those with one `sessionId` are sent in order. */
export interface OutgoingCommand {
  readonly operation: string;
  readonly input: { readonly sessionId: string; readonly [key: string]: Json };
}

/** Pure: the same state and event always lead to the same state and commands. */
export interface ProcessManagerDefinition {
  /** Lower-case, names its stream `manager/<name>`. */
  readonly name: string;
  readonly version?: number;
  /** Small: it is journaled whole with each decision. */
  readonly initial: Json;
  readonly react: (
    state: Json,
    event: StoredEvent,
  ) => { readonly state?: Json; readonly commands?: readonly OutgoingCommand[] } | undefined;
}

interface Request extends OutgoingCommand {
  readonly source: CommandSource;
}

interface ManagerState {
  readonly cursor: Cursor | null;
  readonly state: Json;
  readonly pending: readonly Request[];
  readonly refused: number;
}

type ManagerCommand =
  | {
      readonly type: 'manager.follow';
      readonly cursor: Cursor;
      readonly state: Json;
      readonly requests: readonly Request[];
    }
  | {
      readonly type: 'manager.settle';
      readonly refusals: readonly { readonly request: Request; readonly code: string }[];
    };

const start = (definition: ProcessManagerDefinition): ManagerState => ({
  cursor: null,
  state: definition.initial,
  pending: [],
  refused: 0,
});

function managerLaw(definition: ProcessManagerDefinition): Law<ManagerState, ManagerCommand> {
  return {
    kind: 'manager',
    version: definition.version ?? 1,
    eventVersions: {},
    initial: () => start(definition),
    tombstone: () => start(definition),
    decide(_state, command) {
      const { type, ...data } = command;
      return { events: [{ type: type === 'manager.follow' ? 'manager.followed' : 'manager.settled', data }] };
    },
    evolve: evolveManager,
    carriesState: ({ type }) => type === 'manager.followed',
    explain: (_state, { type }) => ({
      code: 'INVALID_INPUT',
      details: { operation: type, problem: 'it is not lawful' },
    }),
    due: () => undefined,
    nextDeadline: () => null,
    summarize: ({ pending, refused }) => ({
      status: 'following',
      dueAt: pending.length > 0 ? 0 : null,
      summary: { pending: pending.length, refused },
    }),
    encode: (state) => JSON.stringify(state),
    decode: (text) => JSON.parse(text) as ManagerState,
  };
}

function evolveManager(state: ManagerState, event: LawEvent): ManagerState {
  if (event.type === 'manager.followed') {
    const { cursor, state: next, requests } = event.data as ManagerCommand & { type: 'manager.follow' };
    return { ...state, cursor, state: next, pending: requests };
  }
  const { refusals } = event.data as ManagerCommand & { type: 'manager.settle' };
  return { ...state, pending: [], refused: state.refused + refusals.length };
}

export interface ProcessManagerOptions
  extends Pick<EntityOptions<ManagerState, ManagerCommand>, 'journal' | 'clock' | 'telemetry'>,
    Pick<FollowerOptions, 'onGrowth' | 'pageSize'> {
  readonly definition: ProcessManagerDefinition;
  readonly send: (outgoing: OutgoingCommand, source: CommandSource) => Promise<unknown>;
  /** Where it begins to read, whatever it has read before: nothing before that is its business. */
  readonly startAt?: Cursor;
}

export class ProcessManager implements SupervisedChild {
  /** A fault of its own: its supervisor starts it again from what is durable. */
  readonly exited: Promise<Exit>;
  #end: (exit: Exit) => void = () => {};
  readonly #options: ProcessManagerOptions;
  readonly #entity: Entity<ManagerState, ManagerCommand>;
  readonly #follower: Follower;

  static async start(options: ProcessManagerOptions): Promise<ProcessManager> {
    const { definition, journal, clock, telemetry } = options;
    const managers: ProcessManager[] = [];
    const entity = await Entity.hydrate<ManagerState, ManagerCommand>({
      law: managerLaw(definition),
      stream: `manager/${definition.name}`,
      journal,
      clock,
      telemetry,
      mailboxSize: 16,
      incarnation: 1,
      become: () => {},
      tell: () => {},
      crash: (error) => managers[0]?.crash(error),
    });
    const { cursor, state, pending } = entity.durable;
    if (options.startAt !== undefined && pending.length === 0 && cursor !== options.startAt)
      await entity.send({ type: 'manager.follow', cursor: options.startAt, state, requests: [] });
    const manager = new ProcessManager(options, entity);
    managers.push(manager);
    return manager;
  }

  private constructor(options: ProcessManagerOptions, entity: Entity<ManagerState, ManagerCommand>) {
    this.#options = options;
    this.#entity = entity;
    this.exited = new Promise((resolve) => {
      this.#end = resolve;
    });
    const { definition, journal, clock, telemetry, onGrowth, pageSize } = options;
    this.#follower = new Follower({
      name: definition.name,
      journal,
      clock,
      telemetry,
      load: () => this.#load(),
      handle: (entries, position) => this.#handle(entries, position),
      onGrowth,
      passesDamage: true,
      ...(pageSize !== undefined && { pageSize }),
    });
  }

  /** The state that its decisions have led to. */
  get state(): Json {
    return this.#entity.durable.state;
  }

  /** Commands that the receiver's law refused; each is recorded in the manager's stream. */
  get refused(): number {
    return this.#entity.durable.refused;
  }

  catchUp(): Promise<void> {
    return this.#follower.catchUp();
  }

  hasProgressed(): boolean {
    return this.#entity.progressed;
  }

  async stop(): Promise<void> {
    await this.#follower.stop();
    await this.#entity.settle();
    this.kill();
  }

  kill(): void {
    void this.#follower.stop();
    this.#entity.abandon(new Error('the process manager was stopped'));
    this.#end({ reason: 'shutdown' });
  }

  crash(error: Error): void {
    this.#options.telemetry('manager.crashed', {
      name: this.#options.definition.name,
      problem: error.message,
    });
    void this.#follower.stop();
    this.#entity.abandon(error);
    this.#end({ reason: 'crash', error });
  }

  tree(): SupervisionNode {
    const { name } = this.#options.definition;
    const { pending, refused } = this.#entity.durable;
    const standing = { status: 'running', incarnation: 1, restarts: 0 } as const;
    return { ...standing, id: name, kind: 'worker', details: { pending: pending.length, refused } };
  }

  /** Sends what was decided and not yet sent, at the start and after each failure; then reading goes on behind it. */
  async #load(): Promise<Cursor | null> {
    await this.#entity.whenRead();
    await this.#sendPending();
    return this.#entity.durable.cursor;
  }

  async #handle(entries: readonly FeedEntry[], position: Cursor): Promise<void> {
    const { state, requests, touched } = this.#react(entries);
    // Entries that mean nothing to it are not worth an append, and its own appends are such entries.
    if (!touched) return;
    await this.#entity.send({ type: 'manager.follow', cursor: position, state, requests });
    await this.#sendPending();
  }

  #react(entries: readonly FeedEntry[]): { state: Json; requests: Request[]; touched: boolean } {
    const { definition } = this.#options;
    const requests: Request[] = [];
    let { state } = this.#entity.durable;
    let touched = false;
    for (const event of entries.flatMap((entry) => entry.events)) {
      const isCause = event.stream !== this.#entity.stream && event.imported === undefined;
      const reaction = isCause ? definition.react(state, event) : undefined;
      if (reaction === undefined) continue;
      if (reaction instanceof Promise)
        throw new TypeError(`${definition.name}: react must answer at once, not with a promise`);
      touched = true;
      state = reaction.state ?? state;
      for (const [index, outgoing] of (reaction.commands ?? []).entries()) {
        requests.push({
          ...outgoing,
          source: { manager: definition.name, stream: event.stream, seq: event.seq, index },
        });
      }
    }
    return { state, requests, touched };
  }

  /** In order for each target, targets beside each other. A fault of the world is thrown: the follower tries again. */
  async #sendPending(): Promise<void> {
    const { pending } = this.#entity.durable;
    if (pending.length === 0) return;
    const byTarget = new Map<string, Request[]>();
    for (const request of pending) {
      const { sessionId } = request.input;
      byTarget.set(sessionId, [...(byTarget.get(sessionId) ?? []), request]);
    }
    const sent = await Promise.all([...byTarget.values()].map((requests) => this.#sendInOrder(requests)));
    await this.#entity.send({ type: 'manager.settle', refusals: sent.flat() });
  }

  async #sendInOrder(requests: readonly Request[]): Promise<{ request: Request; code: string }[]> {
    const refusals: { request: Request; code: string }[] = [];
    for (const request of requests) {
      try {
        await this.#options.send(request, request.source);
      } catch (error) {
        if (!HoldfastError.is(error) || error.retryable) throw error;
        refusals.push({ request, code: error.code });
      }
    }
    return refusals;
  }
}
