// A worker as the harness sees it: calls go in, reports come out, and it can be killed at any time.
import { type ChildProcess, spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { Readable, type Writable } from 'node:stream';
import { fileURLToPath } from 'node:url';
import { readLines } from './lines.ts';
import { reportDescriptor } from './protocol.ts';

export interface WorkerEnd {
  readonly ok: boolean;
  /** How it ended, and what it said on stderr. */
  readonly description: string;
}

/** So long a worker may say nothing before it is given up. */
const silenceMs = 30_000;

export class WorkerProcess {
  /** Settles when the process is gone and every report that it wrote has been heard. */
  readonly ended: Promise<WorkerEnd>;
  readonly #process: ChildProcess;
  readonly #input: Writable;
  #silence: NodeJS.Timeout | undefined;
  #isSilent = false;

  static start<Report>(
    mode: 'serve' | 'read',
    location: string,
    hear: (report: Report) => void,
  ): WorkerProcess {
    const child = spawn(process.execPath, [findWorker(), mode, location], {
      stdio: ['pipe', 'ignore', 'pipe', 'pipe'],
    });
    const reports = child.stdio[reportDescriptor];
    if (child.stdin === null || !(reports instanceof Readable))
      throw new TypeError('the worker has no pipes to its harness');
    const worker = new WorkerProcess(child, child.stdin);
    readLines<Report>(reports, (report) => {
      worker.#awaitWord();
      hear(report);
    });
    return worker;
  }

  private constructor(child: ChildProcess, input: Writable) {
    this.#process = child;
    this.#input = input;
    // What is written to a killed process is lost, as it should be.
    input.on('error', () => {});
    let errors = '';
    child.stderr?.on('data', (chunk: Buffer) => {
      errors += chunk.toString();
    });
    const kill = (): void => this.kill();
    process.prependListener('exit', kill);
    this.#awaitWord();
    this.ended = new Promise((resolve, reject) => {
      child.once('error', reject);
      child.once('close', (code, signal) => {
        process.off('exit', kill);
        clearTimeout(this.#silence);
        const said = this.#isSilent ? `it said nothing for ${silenceMs / 1000} s` : errors.trim();
        resolve({ ok: code === 0, description: `${signal ?? `exit code ${code}`} ${said}` });
      });
    });
  }

  tell(call: unknown): void {
    this.#input.write(`${JSON.stringify(call)}\n`);
  }

  /** Lets it close its system and go. */
  finish(): void {
    this.#input.end();
  }

  /** SIGKILL: it can do nothing about it. */
  kill(): void {
    this.#process.kill('SIGKILL');
  }

  #awaitWord(): void {
    clearTimeout(this.#silence);
    this.#silence = setTimeout(() => {
      this.#isSilent = true;
      this.kill();
    }, silenceMs);
  }
}

/** Beside this file when it is compiled; a test runs the source, and the compiled worker stands in `.build`. */
export function findWorker(): string {
  const compiled = import.meta.url.endsWith('.ts')
    ? '../../../.build/test/torture/kill-worker.js'
    : '../kill-worker.js';
  const path = fileURLToPath(new URL(compiled, import.meta.url));
  if (existsSync(path)) return path;
  throw new Error(`${path} is missing: run "npm run build:programs" first`);
}
