// Stands in for the airline's own systems, outside of Holdfast: they answer as they did when the transcripts were recorded. Each call
// comes under a key, and one that was done is not done again: it is answered once more.
import { appendFileSync, existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Json } from 'holdfast';
import type { SessionScript } from '../replay-transcripts/session-script.ts';
import { toolCallsOf } from './tool-calls.ts';

/** How long they take over a call, before and after they do it. */
const halfMs = 3;

export const keyOfCall = (sessionId: string, taskId: string): string => `${sessionId}/${taskId}`;

export class Airline {
  readonly #book: string;
  readonly #answers: ReadonlyMap<string, Json>;
  readonly #done: Set<string>;

  constructor(location: string, scripts: readonly SessionScript[]) {
    this.#book = bookOf(location);
    this.#done = new Set(readAirlineBook(location).done);
    this.#answers = new Map(
      scripts.flatMap(({ sessionId, transcript }) =>
        toolCallsOf(transcript).map(({ taskId, answer }) => [keyOfCall(sessionId, taskId), answer] as const),
      ),
    );
  }

  async call(key: string): Promise<Json> {
    await sleep(halfMs);
    if (!this.#done.has(key)) {
      this.#done.add(key);
      appendFileSync(this.#book, `done ${key}\n`);
    } else appendFileSync(this.#book, `again ${key}\n`);
    await sleep(halfMs);
    const answer = this.#answers.get(key);
    if (answer === undefined) throw new TypeError(`nobody ever called ${key}`);
    return answer;
  }
}

export interface AirlineBook {
  /** The keys of the calls that were done, in their order. */
  readonly done: readonly string[];
  /** Those that were asked for again, by agents that were killed before they had noted the answer. */
  readonly again: readonly string[];
}

export function readAirlineBook(location: string): AirlineBook {
  const book = bookOf(location);
  const lines = existsSync(book) ? readFileSync(book, 'utf8').split('\n') : [];
  const keys = (word: string): string[] =>
    lines.filter((line) => line.startsWith(`${word} `)).map((line) => line.slice(word.length + 1));
  return { done: keys('done'), again: keys('again') };
}

const bookOf = (location: string): string => join(location, 'airline.log');
