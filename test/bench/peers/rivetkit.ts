// RivetKit with its file driver, called through its inline client: an action appends the message and saves the state at once.
// It asks for Node 22 and runs on 20 with better-sqlite3: that is why bench:peers:install turns engine-strict off.
import { isBuiltin } from 'node:module';
import { join } from 'node:path';
import { type Cost, timed } from './alternating.ts';
import { loadPeer } from './installed.ts';
import { content } from './product.ts';

interface Message {
  readonly role: 'user';
  readonly content: string;
}

interface ActionContext {
  readonly state: { readonly messages: Message[] };
  saveState(options: { immediate: boolean }): Promise<void>;
}

interface Handle {
  append(message: Message): Promise<number>;
}

interface RivetClient {
  readonly session: { getOrCreate(key: readonly string[]): Handle };
}

interface ActorDriver {
  shutdownRunner?(immediate: boolean): Promise<void>;
}

interface Driver {
  manager(config: unknown): unknown;
  actor(config: unknown, manager: unknown, client: RivetClient): ActorDriver;
}

interface RivetModule {
  actor(definition: object): unknown;
  setup(input: object): { parseConfig(): unknown };
  createFileSystemDriver(options: { path: string }): Driver;
  createClientWithDriver(manager: unknown): RivetClient;
}

/** The driver keeps a SQLite file per actor in WAL mode, with whichever SQLite it finds, as that one was built. */
export const rivetDurability = isBuiltin('node:sqlite')
  ? 'SQLite WAL through node:sqlite with its own default for synchronous: not established'
  : 'SQLite WAL at synchronous=NORMAL (the build of better-sqlite3): not fsynced per save, a power failure may lose it';

export class RivetPeer {
  readonly #driver: ActorDriver;
  readonly #handles: readonly Handle[];

  static async open(directory: string, actors: number): Promise<RivetPeer> {
    const rivet = await loadPeer<RivetModule>('rivetkit');
    const driver = rivet.createFileSystemDriver({ path: join(directory, 'rivetkit') });
    const config = rivet
      .setup({
        use: { session: appendingActor(rivet) },
        driver,
        noWelcome: true,
        serveManager: false,
        logging: { level: 'error' },
      })
      .parseConfig();
    const manager = driver.manager(config);
    const client = rivet.createClientWithDriver(manager);
    const running = driver.actor(config, manager, client);
    const handles = Array.from({ length: actors }, (_, i) => client.session.getOrCreate([`s${i}`]));
    // An actor is made by its first call, which also shows whether the driver runs on this Node.
    await timed(actors, 64, (i) => handles[i]?.append({ role: 'user', content }) ?? Promise.resolve());
    return new RivetPeer(running, handles);
  }

  private constructor(driver: ActorDriver, handles: readonly Handle[]) {
    this.#driver = driver;
    this.#handles = handles;
  }

  append(count: number, width: number): Promise<Cost> {
    const handles = this.#handles;
    return timed(
      count,
      width,
      (i) => handles[i % handles.length]?.append({ role: 'user', content }) ?? Promise.resolve(),
    );
  }

  async close(): Promise<void> {
    await this.#driver.shutdownRunner?.(true);
  }
}

function appendingActor(rivet: RivetModule): unknown {
  return rivet.actor({
    state: { messages: [] },
    options: { noSleep: true },
    actions: {
      append: async (context: ActionContext, message: Message): Promise<number> => {
        context.state.messages.push(message);
        await context.saveState({ immediate: true });
        return context.state.messages.length;
      },
    },
  });
}
