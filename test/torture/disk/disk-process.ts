// A system in a process of its own, as the disk harness sees it: each call has an answer or a code.
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { readLines } from '../kill/lines.ts';

export interface DiskCall {
  readonly id: number;
  readonly operation: string;
  readonly input: object;
  readonly key?: string;
}

export type DiskWord = { readonly id: number; readonly answer?: unknown; readonly code?: string };

export interface ProcessOptions {
  /** What `createSystem` is given. */
  readonly options: object;
  /** So many descriptors it may open. */
  readonly descriptors?: number;
  /** Under another user, to whom rights mean something. */
  readonly uid?: number;
}

export class DiskProcess {
  readonly #child: ChildProcess;
  readonly #waiting = new Map<number, (word: DiskWord) => void>();
  /** Resolves with undefined when it serves, or with the code that its start was refused with. */
  readonly started: Promise<string | undefined>;
  #calls = 0;
  #ended = false;
  #errors = '';

  constructor({ options, descriptors, uid }: ProcessOptions) {
    const program = [process.execPath, findWorker(), JSON.stringify(options)];
    const limited = ['bash', '-c', `ulimit -n ${descriptors}; exec "$@"`, 'bash', ...program];
    const [command = '', ...args] = descriptors === undefined ? program : limited;
    const owner = uid === undefined ? {} : { uid, gid: uid };
    this.#child = spawn(command, args, { stdio: ['pipe', 'pipe', 'pipe'], cwd: '/', ...owner });
    const kill = (): void => this.kill();
    process.once('exit', kill);
    this.#child.stdin?.on('error', () => {});
    this.#child.stderr?.on('data', (chunk: Buffer) => {
      this.#errors += chunk.toString();
    });
    this.started = new Promise((resolve) => {
      this.#waiting.set(0, ({ code }) => resolve(code));
    });
    if (this.#child.stdout !== null) readLines<DiskWord>(this.#child.stdout, (word) => this.#hear(word));
    this.#child.once('close', () => {
      process.off('exit', kill);
      this.#ended = true;
      for (const id of this.#waiting.keys()) this.#hear({ id, code: `the process ended: ${this.#errors}` });
    });
  }

  /** The answer, or the code. */
  call(operation: string, input: object = {}, key?: string): Promise<DiskWord> {
    this.#calls += 1;
    const id = this.#calls;
    if (this.#ended) return Promise.resolve({ id, code: `the process has ended: ${this.#errors}` });
    return new Promise((resolve) => {
      this.#waiting.set(id, resolve);
      const call: DiskCall = { id, operation, input, ...(key !== undefined && { key }) };
      this.#child.stdin?.write(`${JSON.stringify(call)}\n`);
    });
  }

  /** SIGKILL. */
  kill(): void {
    this.#child.kill('SIGKILL');
  }

  async killed(): Promise<void> {
    if (this.#child.exitCode !== null || this.#child.signalCode !== null) return;
    const closed = once(this.#child, 'close');
    this.kill();
    await closed;
  }

  async close(): Promise<void> {
    if (this.#child.exitCode !== null || this.#child.signalCode !== null) return;
    const closed = once(this.#child, 'close');
    this.#child.stdin?.end();
    const timer = setTimeout(() => this.kill(), 30_000);
    await closed;
    clearTimeout(timer);
  }

  #hear(word: DiskWord): void {
    this.#waiting.get(word.id)?.(word);
    this.#waiting.delete(word.id);
  }
}

/** Beside the harness when it is compiled; a test runs the source, and the compiled worker stands in `.build`. */
function findWorker(): string {
  const compiled = import.meta.url.endsWith('.ts')
    ? '../../../.build/test/torture/disk-worker.js'
    : '../disk-worker.js';
  const path = fileURLToPath(new URL(compiled, import.meta.url));
  if (existsSync(path)) return path;
  throw new Error(`${path} is missing: run "npm run build:programs" first`);
}
