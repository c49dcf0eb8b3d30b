// A process of one size: it holds its system open and runs a round of an operation when it is asked to, so that the rounds of all
// sizes can alternate.
import { type ChildProcess, fork } from 'node:child_process';
import { childFile } from './forked.ts';
import type { Lap } from './lap.ts';

export type ScaleTask =
  | {
      readonly kind: 'sessions';
      readonly location: string;
      readonly sessions: number;
      readonly messages: number;
      readonly rounds: number;
    }
  | {
      readonly kind: 'conversations';
      readonly location: string;
      readonly length: number;
      readonly conversations: number;
    };

export interface ScaleRequest {
  readonly operation: string;
  readonly round: number;
}

export type ScaleAnswer = { readonly lap: Lap | undefined } | { readonly problem: string };

export class ScaleProcess {
  readonly size: number;
  readonly #child: ChildProcess;

  constructor(size: number, task: ScaleTask) {
    this.size = size;
    this.#child = fork(childFile('scale-child'), [JSON.stringify(task)], { execArgv: ['--expose-gc'] });
  }

  /** One round; what only makes ready answers without a lap. */
  ask(operation: string, round = 0): Promise<Lap | undefined> {
    return new Promise((resolve, reject) => {
      const ended = (code: number | null): void => reject(new Error(`it ended with status ${code}`));
      this.#child.once('exit', ended);
      this.#child.once('message', (message) => {
        this.#child.off('exit', ended);
        const answer = message as ScaleAnswer;
        if ('problem' in answer) reject(new Error(`${operation}: ${answer.problem}`));
        else resolve(answer.lap);
      });
      this.#child.send({ operation, round } satisfies ScaleRequest);
    });
  }

  kill(): void {
    this.#child.kill('SIGKILL');
  }
}
