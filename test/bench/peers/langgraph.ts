// LangGraph with its SqliteSaver at PRAGMA synchronous=FULL: a graph of one node, and one invoke appends one message to a thread.
import { join } from 'node:path';
import { type Cost, timed } from './alternating.ts';
import { loadPeer } from './installed.ts';
import { content } from './product.ts';

interface Message {
  readonly role: 'user';
  readonly content: string;
}

interface Graph {
  invoke(
    input: { messages: readonly Message[] },
    config: { configurable: { thread_id: string }; durability?: 'exit' },
  ): Promise<unknown>;
}

interface GraphBuilder {
  addNode(name: string, run: () => object): GraphBuilder;
  addEdge(from: string, to: string): GraphBuilder;
  compile(options: { checkpointer: Saver }): Graph;
}

interface Channel {
  readonly reducer: (held: readonly Message[], added: readonly Message[]) => readonly Message[];
  readonly default: () => readonly Message[];
}

interface LangGraphModule {
  readonly StateGraph: new (state: unknown) => GraphBuilder;
  readonly Annotation: { (channel: Channel): unknown; Root(channels: Record<string, unknown>): unknown };
  readonly START: string;
  readonly END: string;
}

interface Saver {
  readonly db: { pragma(text: string, options?: { simple: true }): unknown; close(): void };
  setup(): void;
}

interface SaverModule {
  readonly SqliteSaver: { fromConnString(path: string): Saver };
}

const full = 2;

export class LangGraphPeer {
  readonly #graph: Graph;
  readonly #saver: Saver;
  readonly #threads: number;

  static async open(directory: string, threads: number): Promise<LangGraphPeer> {
    const module = await loadPeer<LangGraphModule>('@langchain/langgraph');
    const { SqliteSaver } = await loadPeer<SaverModule>('@langchain/langgraph-checkpoint-sqlite');
    const saver = SqliteSaver.fromConnString(join(directory, 'langgraph.sqlite'));
    saver.setup();
    saver.db.pragma('synchronous=FULL');
    if (saver.db.pragma('synchronous', { simple: true }) !== full)
      throw new Error('SQLite did not take synchronous=FULL');
    return new LangGraphPeer(appendingGraph(module, saver), saver, threads);
  }

  private constructor(graph: Graph, saver: Saver, threads: number) {
    this.#graph = graph;
    this.#saver = saver;
    this.#threads = threads;
  }

  /** Checkpoints after each step as the library does by default; `atExit` only once, at the end of the invoke. */
  append(count: number, width: number, atExit = false): Promise<Cost> {
    const durability = atExit ? ({ durability: 'exit' } as const) : {};
    return timed(count, width, (i) =>
      this.#graph.invoke(
        { messages: [{ role: 'user', content }] },
        { configurable: { thread_id: `s${i % this.#threads}` }, ...durability },
      ),
    );
  }

  async close(): Promise<void> {
    this.#saver.db.close();
  }
}

function appendingGraph({ StateGraph, Annotation, START, END }: LangGraphModule, checkpointer: Saver): Graph {
  const messages = Annotation({ reducer: (held, added) => held.concat(added), default: () => [] });
  return new StateGraph(Annotation.Root({ messages }))
    .addNode('append', () => ({}))
    .addEdge(START, 'append')
    .addEdge('append', END)
    .compile({ checkpointer });
}
