// What the parent knows: which command of each session comes next, and which were acknowledged. It outlives every child.
import type { ServingReport } from './reports.ts';
import type { Command, SessionScript } from './session-script.ts';

export type Answer = Extract<ServingReport, { readonly report: 'answered' | 'refused' }>;
export type Refusal = Extract<Answer, { readonly report: 'refused' }> & {
  readonly script: SessionScript;
  readonly place: number;
};

interface Run {
  readonly script: SessionScript;
  /** How many of its commands are acknowledged: they are answered one after the other. */
  acknowledged: number;
}

export class Ledger {
  readonly total: number;
  readonly refusals: Refusal[] = [];
  readonly #runs: readonly Run[];
  /** By the key of the command that the session waits for. */
  readonly #open = new Map<string, Run>();
  #acknowledged = 0;
  #repeated = 0;

  constructor(scripts: readonly SessionScript[]) {
    this.total = scripts.reduce((sum, { commands }) => sum + commands.length, 0);
    this.#runs = scripts.map((script) => ({ script, acknowledged: 0 }));
    for (const run of this.#runs) this.#next(run);
  }

  get acknowledged(): number {
    return this.#acknowledged;
  }

  /** Answers that came from the record of an earlier call. */
  get repeated(): number {
    return this.#repeated;
  }

  get isDone(): boolean {
    return this.#open.size === 0;
  }

  /** Of each session the first command that is not answered. */
  openCommands(): Command[] {
    return [...this.#open.values()].flatMap(
      ({ script, acknowledged }) => script.commands[acknowledged] ?? [],
    );
  }

  /** How many commands of each session were acknowledged. */
  acknowledgedOf(): ReadonlyMap<SessionScript, number> {
    return new Map(this.#runs.map(({ script, acknowledged }) => [script, acknowledged]));
  }

  /** Keeps the answer, and returns the command that may now be sent. A session that was refused something ends there. */
  settle(answer: Answer): Command | undefined {
    const run = this.#open.get(answer.key);
    if (run === undefined) throw new Error(`the child answered ${answer.key}, which nobody waits for`);
    this.#open.delete(answer.key);
    if (answer.report === 'refused') {
      this.refusals.push({ ...answer, script: run.script, place: run.acknowledged });
      return undefined;
    }
    run.acknowledged += 1;
    this.#acknowledged += 1;
    if (answer.repeated) this.#repeated += 1;
    return this.#next(run);
  }

  #next(run: Run): Command | undefined {
    const command = run.script.commands[run.acknowledged];
    if (command !== undefined) this.#open.set(command.key, run);
    return command;
  }
}
