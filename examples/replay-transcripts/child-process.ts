// A child process as its parent sees it: commands go in, reports come out, and it can be killed at any time.
import { type ChildProcess, spawn } from 'node:child_process';
import { Readable, type Writable } from 'node:stream';
import { fileURLToPath } from 'node:url';
import { readLines, toLine } from './lines.ts';
import { reportDescriptor } from './parent-channel.ts';

/** How a child ended, and what it said on stderr. */
export interface ChildEnd {
  readonly status: string;
  readonly ok: boolean;
  readonly errors: string;
}

export class Child {
  /** Settles when the process is gone and every report that it wrote has been heard. */
  readonly ended: Promise<ChildEnd>;
  readonly #process: ChildProcess;
  readonly #input: Writable;

  /** `entry` is a module beside this one. */
  static start<Report>(entry: string, location: string, hear: (report: Report) => void): Child {
    const path = fileURLToPath(new URL(entry, import.meta.url));
    // In a process group of its own: Ctrl-C on the terminal is for the parent to handle.
    const child = spawn(process.execPath, [path, location], {
      stdio: ['pipe', 'ignore', 'pipe', 'pipe'],
      detached: true,
    });
    const reports = child.stdio[reportDescriptor];
    if (child.stdin === null || !(reports instanceof Readable))
      throw new TypeError('the child has no pipes to its parent');
    readLines<Report>(reports, hear);
    return new Child(child, child.stdin);
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
    this.ended = new Promise((resolve, reject) => {
      child.once('error', reject);
      child.once('close', (code, signal) => {
        process.off('exit', kill);
        resolve({ status: signal ?? `exit code ${code}`, ok: code === 0, errors });
      });
    });
  }

  tell(command: unknown): void {
    this.#input.write(toLine(command));
  }

  /** Lets it close its system and go. */
  finish(): void {
    this.#input.end();
  }

  /** SIGKILL: it can do nothing about it. */
  kill(): void {
    this.#process.kill('SIGKILL');
  }
}
