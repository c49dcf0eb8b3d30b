// One session of the crowd as its client sees it: what was asked, what was answered in which order, and what was heard.
import { HoldfastError } from '../../../src/base/errors.ts';
import type { DeliveredEvent } from '../../../src/operations/views/views.ts';

/** What a command may be refused with while its session is being killed. */
const lawful: ReadonlySet<string> = new Set(['NOT_COMMITTED', 'OUTCOME_UNKNOWN', 'SESSION_QUARANTINED']);

export class Member {
  readonly sessionId: string;
  /** How it is killed; undefined for one that is left alone. */
  readonly route: string | undefined;
  /** True when it is heard by an iterator, false when by a callback. */
  readonly iterates: boolean;
  asked = 0;
  /** For each command that was answered, its number and seq, in the order of the answers. */
  readonly answers: (readonly [n: number, seq: number])[] = [];
  /** For each command that was refused, its number and the code. */
  readonly refusals: (readonly [n: number, code: string])[] = [];
  /** The seqs of its own events, as they were heard. */
  readonly heard: number[] = [];
  /** Events of other sessions that it was told of. */
  foreign = 0;
  /** Actors of the session that were seen to come. */
  roots = 0;

  constructor(sessionId: string, route: string | undefined, iterates: boolean) {
    this.sessionId = sessionId;
    this.route = route;
    this.iterates = iterates;
  }

  hear({ sessionId, seq, stream }: DeliveredEvent): void {
    if (sessionId !== this.sessionId) this.foreign += 1;
    // Its condition and its recoveries are told in numberings of their own.
    else if (seq !== undefined && stream === undefined) this.heard.push(seq);
  }

  /** Sends one more command; resolves when it has been answered or refused. */
  async ask(send: (content: string) => Promise<{ readonly seq: number }>): Promise<void> {
    const n = this.asked;
    this.asked += 1;
    try {
      const { seq } = await send(String(n));
      this.answers.push([n, seq]);
    } catch (error) {
      this.refusals.push([n, HoldfastError.is(error) ? error.code : String(error)]);
    }
  }

  /** What was not as promised of the answers and events; `seq` is where the session stands at the end. */
  faults(seq: number): string[] {
    const { asked, answers, refusals, heard, foreign, roots, route } = this;
    const isVictim = route !== undefined;
    const unanswered = asked - answers.length - refusals.length;
    const found: string[] = [];
    if (unanswered > 0) found.push(`${unanswered} commands were never answered`);
    if (!isVictim && refusals.length > 0) found.push(`its commands were refused: ${refusals[0]?.[1]}`);
    const unlawful = refusals.find(([, code]) => !lawful.has(code));
    if (isVictim && unlawful !== undefined) found.push(`a command ended in ${unlawful[1]}`);
    if (!isAscending(answers.map(([n]) => n)) || !isAscending(answers.map(([, at]) => at)))
      found.push('its commands were answered out of order');
    if (heard.length !== seq || heard.some((at, i) => at !== i + 1))
      found.push(`it heard ${heard.length} events of ${seq}, or not in order: ${heard.slice(-5).join()}`);
    if (foreign > 0) found.push(`it heard ${foreign} events of others`);
    if (!isVictim && roots !== 1) found.push(`${roots} incarnations of it were seen`);
    return found;
  }

  /** What is not as it was acknowledged in the messages that the session holds at the end. */
  lossesIn(contents: readonly string[]): string[] {
    const held = new Set(contents);
    const lost = this.answers.filter(([n]) => !held.has(String(n)));
    const undone = this.refusals.filter(([n, code]) => code !== 'OUTCOME_UNKNOWN' && held.has(String(n)));
    const found: string[] = [];
    if (lost.length > 0) found.push(`${lost.length} acknowledged commands were lost`);
    if (undone.length > 0) found.push(`${undone.length} commands took effect that were not committed`);
    if (held.size !== contents.length) found.push('a command took effect twice');
    if (!isAscending(contents.map(Number))) found.push('its commands took effect out of order');
    return found;
  }
}

const isAscending = (numbers: readonly number[]): boolean =>
  numbers.every((number, i) => i === 0 || number > (numbers[i - 1] ?? 0));
