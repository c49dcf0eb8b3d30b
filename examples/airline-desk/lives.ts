// The parent: starts the airline's process, kills it at each moment that is due, and starts it again, until the day is over.
import { Child } from '../replay-transcripts/child-process.ts';
import type { Transcript } from '../replay-transcripts/transcript.ts';
import type { KillMoment } from './kill-moments.ts';
import type { Order, Told, ToldType } from './reports.ts';
import { deskId } from './working-day.ts';

export interface DayOptions {
  readonly location: string;
  readonly transcripts: readonly Transcript[];
  readonly moments: readonly KillMoment[];
  readonly onProgress: (messages: number, kills: number) => void;
  readonly onKill: (moment: KillMoment, so: { readonly messages: number; readonly kills: number }) => void;
  /** The module of the process: the one beside this one, unless a test says where it is built. */
  readonly entry?: string;
}

export interface Day {
  readonly kills: number;
  /** How often each was heard in all lives together. */
  readonly told: Readonly<Record<ToldType, number>>;
}

/** So long a process may say nothing before it is given up. */
const silenceMs = 30_000;

export async function liveThrough(options: DayOptions): Promise<Day> {
  const watch = new Watch(options);
  while (!watch.isOver) await watch.oneLife();
  return { kills: watch.kills, told: watch.told };
}

/** What outlives every process: how far the events were heard, and which moments are still to come. */
class Watch {
  readonly told: Record<ToldType, number> = {
    'message.sent': 0,
    'task.started': 0,
    'task.completed': 0,
    'handoff.offered': 0,
    'handoff.accepted': 0,
    'agent.completed': 0,
  };
  kills = 0;
  isOver = false;
  readonly #options: DayOptions;
  #toCome: readonly KillMoment[];
  #after: string | undefined;

  constructor(options: DayOptions) {
    this.#options = options;
    this.#toCome = options.moments;
  }

  async oneLife(): Promise<void> {
    const { location, transcripts, entry = '../airline-desk/desk-child.js' } = this.#options;
    let killedAt: KillMoment | undefined;
    let timer: NodeJS.Timeout | undefined;
    let silence: NodeJS.Timeout | undefined;
    let isSilent = false;
    const child = Child.start<Told>(entry, location, (event) => {
      silence?.refresh();
      this.#hear(event);
      if (this.isOver) {
        clearTimeout(timer);
        child.finish();
      }
      const due = this.isOver || killedAt !== undefined ? undefined : this.#takeDue();
      if (due === undefined) return;
      killedAt = due;
      timer = setTimeout(() => child.kill(), due.delayMs);
    });
    silence = setTimeout(() => {
      isSilent = true;
      child.kill();
    }, silenceMs);
    const order: Order = { transcripts, ...(this.#after !== undefined && { after: this.#after }) };
    child.tell(order);
    const { ok, status, errors } = await child.ended;
    clearTimeout(timer);
    clearTimeout(silence);
    if (isSilent) throw new Error(`the process has said nothing for ${silenceMs / 1000} s\n${errors}`);
    if (!ok && (killedAt === undefined || status !== 'SIGKILL'))
      throw new Error(`the process has ended by itself: ${status}\n${errors}`);
    if (ok || killedAt === undefined) return;
    this.kills += 1;
    this.#options.onKill(killedAt, { messages: this.told['message.sent'], kills: this.kills });
  }

  /** The desk's own messages are not counted: they are no customer's. */
  #hear({ sessionId, type, cursor }: Told): void {
    this.#after = cursor;
    if (sessionId === deskId) this.isOver ||= type === 'agent.completed';
    else this.told[type] += 1;
    this.#options.onProgress(this.told['message.sent'], this.kills);
  }

  #takeDue(): KillMoment | undefined {
    const due = this.#toCome.find(({ type, count }) => this.told[type] >= count);
    if (due !== undefined) this.#toCome = this.#toCome.filter((moment) => moment !== due);
    return due;
  }
}
