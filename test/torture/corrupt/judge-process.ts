// Judges in a process of its own: what ends that process is a finding, and its successor must come to a judgement.
import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import type { Judgement } from './judgement.ts';
import type { Writing } from './writing.ts';

/** What the process of the campaign is asked to do. */
export type CorruptTask = { readonly what: 'write'; readonly writing: Writing } | { readonly what: 'judge' };

export class JudgeProcess {
  readonly #program: string;
  #child: ChildProcess | undefined;

  constructor(program: string) {
    this.#program = program;
  }

  /** Undefined when the process ended over it. */
  async judge(writing: Writing): Promise<Judgement | undefined> {
    const child = this.#living();
    const over = new AbortController();
    const judged = once(child, 'message', over).then(([judgement]) => judgement as Judgement);
    const ended = once(child, 'exit', over).then(() => undefined);
    child.send(writing);
    const first = await Promise.race([judged, ended]);
    over.abort();
    await Promise.allSettled([judged, ended]);
    return first;
  }

  close(): void {
    this.#child?.kill('SIGKILL');
  }

  #living(): ChildProcess {
    if (this.#child === undefined || this.#child.exitCode !== null || this.#child.signalCode !== null) {
      const task: CorruptTask = { what: 'judge' };
      // An assertion of LevelDB speaks on stderr.
      this.#child = fork(this.#program, [JSON.stringify(task)], {
        stdio: ['ignore', 'inherit', 'pipe', 'ipc'],
      });
      this.#child.stderr?.resume();
    }
    return this.#child;
  }
}
