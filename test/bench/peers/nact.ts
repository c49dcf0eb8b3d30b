// nact with persistent actors: a query persists the message as an event, folds it, and is answered after that.
import { join } from 'node:path';
import { type Cost, timed } from './alternating.ts';
import { loadPeer } from './installed.ts';
import { LevelEvents } from './level-events.ts';
import { content } from './product.ts';

type Ref = object;

interface Command {
  readonly role: 'user';
  readonly content: string;
  readonly sender?: Ref;
}

interface State {
  readonly count: number;
  readonly messages: Omit<Command, 'sender'>[];
}

interface Context {
  readonly recovering?: boolean;
  persist(event: unknown): Promise<void>;
}

interface NactModule {
  start(...plugins: unknown[]): Ref;
  stop(system: Ref): void;
  configurePersistence(engine: LevelEvents): unknown;
  spawnPersistent(
    parent: Ref,
    f: (state: State | undefined, command: Command, context: Context) => Promise<State>,
    key: string,
    name: string,
  ): Ref;
  dispatch(to: Ref, message: unknown): void;
  query(to: Ref, message: (sender: Ref) => Command, timeoutMs: number): Promise<unknown>;
}

const keptMessages = 100;

export class NactPeer {
  readonly #nact: NactModule;
  readonly #engine: LevelEvents;
  readonly #system: Ref;
  readonly #actors: readonly Ref[];

  static async open(directory: string, actors: number): Promise<NactPeer> {
    const { default: nact } = await loadPeer<{ default: NactModule }>('nact');
    return new NactPeer(nact, await LevelEvents.open(join(directory, 'nact')), actors);
  }

  private constructor(nact: NactModule, engine: LevelEvents, actors: number) {
    this.#nact = nact;
    this.#engine = engine;
    this.#system = nact.start(nact.configurePersistence(engine));
    this.#actors = Array.from({ length: actors }, (_, i) =>
      nact.spawnPersistent(this.#system, keeper(nact), `s${i}`, `s${i}`),
    );
  }

  append(count: number, width: number): Promise<Cost> {
    return timed(count, width, (i) => {
      const actor = this.#actors[i % this.#actors.length] ?? this.#system;
      return this.#nact.query(actor, (sender) => ({ role: 'user', content, sender }), 60_000);
    });
  }

  async close(): Promise<void> {
    this.#nact.stop(this.#system);
    await this.#engine.close();
  }
}

function keeper(nact: NactModule) {
  return async (
    state: State = { count: 0, messages: [] },
    { sender, ...message }: Command,
    context: Context,
  ): Promise<State> => {
    if (context.recovering !== true) await context.persist(message);
    state.messages.push(message);
    if (state.messages.length > keptMessages) state.messages.shift();
    const next = { count: state.count + 1, messages: state.messages };
    if (sender !== undefined) nact.dispatch(sender, { seq: next.count });
    return next;
  };
}
