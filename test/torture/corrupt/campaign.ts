// The stores are written once each; every case damages a copy of its own and judges what is left.
import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { cp, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { seededRandom } from '../harness.ts';
import { type Damage, damages } from './damage.ts';
import { type CorruptTask, JudgeProcess } from './judge-process.ts';
import type { Judgement } from './judgement.ts';
import { openings, type Writing, write } from './writing.ts';

export const endings = ['closed', 'killed'] as const;
export type Ending = (typeof endings)[number];
type Content = Writing['content'];

export interface Tally {
  cases: number;
  repaired: number;
  intact: number;
  named: number;
  /** Processes that ended over the damage, once each. */
  ended: number;
  readonly broken: string[];
}

const contents: readonly Content[] = ['incompressible', 'compressible'];

export interface CampaignOptions {
  /** A folder of its own. */
  readonly base: string;
  /** The compiled worker that writes and waits to be killed, and that judges. */
  readonly worker: string;
  readonly sessions: number;
  readonly messages: number;
}

export class CorruptCampaign {
  readonly #options: CampaignOptions;
  readonly #judges: JudgeProcess;
  readonly tallies = new Map<string, Tally>();

  constructor(options: CampaignOptions) {
    this.#options = options;
    this.#judges = new JudgeProcess(options.worker);
  }

  /** Writes the stores that all cases begin with. */
  async prepare(): Promise<void> {
    for (const content of contents) {
      for (const ending of endings) await this.#prepare(this.#writing(content, ending));
    }
  }

  async run(damage: Damage, ending: Ending, seed: number): Promise<Judgement> {
    const random = seededRandom(seed);
    const content = damage.content ?? (random() < 0.5 ? 'compressible' : 'incompressible');
    const original = this.#writing(content, ending);
    const copy = { ...original, location: join(this.#options.base, 'case') };
    await rm(copy.location, { recursive: true, force: true });
    await cp(original.location, copy.location, { recursive: true });
    const where = await damage.inflict(join(copy.location, 'store'), random);
    const { judgement, ended } = await this.#judge(copy);
    const tally = this.#tallyOf(damage, ending);
    tally.cases += 1;
    tally.repaired += judgement.repaired ? 1 : 0;
    tally.intact += judgement.intact.length;
    tally.named += judgement.named.length;
    tally.ended += ended ? 1 : 0;
    const place = `${damage.name}, ${ending}, ${content}, case ${seed}: ${where}`;
    const faults = [...judgement.broken];
    if (damage.harmless && judgement.named.length > 0)
      faults.push(`${judgement.named.length} sessions suffered`);
    tally.broken.push(...faults.map((problem) => `${place}: ${problem}`));
    return { ...judgement, broken: faults };
  }

  close(): void {
    this.#judges.close();
  }

  /** LevelDB may end the process that meets the damage first. Whoever starts it again must be served. */
  async #judge(copy: Writing): Promise<{ readonly judgement: Judgement; readonly ended: boolean }> {
    const first = await this.#judges.judge(copy);
    if (first !== undefined) return { judgement: first, ended: false };
    const second = await this.#judges.judge({ ...copy, mayBeUsed: true });
    return { judgement: second ?? endedTwice, ended: true };
  }

  #writing(content: Content, ending: Ending): Writing {
    const { base, sessions, messages } = this.#options;
    return { location: join(base, `${content}-${ending}`), content, sessions, messages };
  }

  async #prepare(writing: Writing): Promise<void> {
    for (let opening = 0; opening < openings - 1; opening++) await (await write(writing, opening))();
    if (writing.location.endsWith('closed')) await (await write(writing, openings - 1))();
    else await writeAndKill(this.#options.worker, writing);
  }

  #tallyOf({ name }: Damage, ending: Ending): Tally {
    const key = `${name}, ${ending}`;
    const tally = this.tallies.get(key) ?? {
      cases: 0,
      repaired: 0,
      intact: 0,
      named: 0,
      ended: 0,
      broken: [],
    };
    this.tallies.set(key, tally);
    return tally;
  }
}

export { damages };

const endedTwice: Judgement = {
  intact: [],
  named: [],
  repaired: false,
  unproven: [],
  broken: ['the process ends at every start'],
};

async function writeAndKill(worker: string, writing: Writing): Promise<void> {
  const task: CorruptTask = { what: 'write', writing };
  const child: ChildProcess = fork(worker, [JSON.stringify(task)]);
  const ended = once(child, 'exit');
  const said = await Promise.race([once(child, 'message'), ended.then(() => undefined)]);
  child.kill('SIGKILL');
  await ended;
  if (said === undefined) throw new Error('the process that was to be killed ended by itself');
}
