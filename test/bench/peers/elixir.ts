// Elixir in a process of its own that stays, and runs a round when it is asked over its stdin.
import { type ChildProcessWithoutNullStreams, spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import type { Cost } from './alternating.ts';
import { PeerMissing, packageRoot } from './installed.ts';
import { content } from './product.ts';

export class ElixirPeer {
  readonly #process: ChildProcessWithoutNullStreams;
  readonly #lines: AsyncIterator<string>;
  readonly #errors: string[] = [];

  static async open(servers: number): Promise<ElixirPeer> {
    const script = join(packageRoot(), 'test/bench/peers/elixir/bench.exs');
    const child = spawn('elixir', [script, String(servers), content], {
      env: { ...process.env, LC_ALL: 'C.UTF-8' },
    });
    try {
      await once(child, 'spawn');
    } catch {
      throw new PeerMissing('there is no elixir on the PATH (Debian: apt-get install elixir)');
    }
    const peer = new ElixirPeer(child);
    await peer.#answer();
    return peer;
  }

  private constructor(child: ChildProcessWithoutNullStreams) {
    this.#process = child;
    this.#lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
    child.stderr.setEncoding('utf8').on('data', (text: string) => this.#errors.push(text));
    // What is written to a process that has ended is told by the missing answer.
    child.stdin.on('error', () => undefined);
  }

  /** Calls spread over all servers, from so many processes, each of which makes one call after another. */
  async call(calls: number, callers: number): Promise<Cost> {
    this.#process.stdin.write(`${calls} ${callers}\n`);
    const { wallUs, cpuUs } = JSON.parse(await this.#answer()) as { wallUs: number; cpuUs: number };
    return { wall: wallUs, cpu: cpuUs };
  }

  async close(): Promise<void> {
    if (this.#process.exitCode !== null) return;
    const ended = once(this.#process, 'exit');
    this.#process.stdin.end();
    await ended;
  }

  async #answer(): Promise<string> {
    const { done, value } = await this.#lines.next();
    if (done === true) throw new Error(`elixir ended: ${this.#errors.join('').trim()}`);
    return value;
  }
}
