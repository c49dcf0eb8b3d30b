// A head of which nothing is read but what a boot looks at; the rest is parsed when somebody asks for it.

import type { Json } from '../../base/json.ts';
import { JsonCursor } from '../../base/json-cursor.ts';
import type { Head, Version } from '../journal.ts';
import { headFrom } from './head.ts';

export class LazyHead implements Head {
  readonly stream: string;
  readonly seq: number;
  readonly status: string;
  readonly updatedAt: number;
  readonly dueAt: number | null;
  readonly summaryText: string;
  readonly #text: string;
  #whole: Head | undefined;

  /** `text` is what {@link headFrom} parses; undefined when it is of another form than nearly all are. */
  static from(stream: string, text: string): LazyHead | undefined {
    const end = text.indexOf('{');
    const cursor = new JsonCursor(text);
    cursor.skip('['.length).skipText();
    const seq = cursor.skip(','.length).number();
    cursor.skip(','.length).number();
    cursor.skip(','.length).skipText();
    cursor.skip(','.length).number();
    const status = cursor.skip(','.length).text();
    const updatedAt = cursor.skip(','.length).number();
    const dueAt = cursor.skip(','.length).numberOrNull();
    cursor.skip(','.length).number();
    if (!cursor.isSound || cursor.at + ','.length !== end) return undefined;
    return new LazyHead(stream, text, { seq, status, updatedAt, dueAt, summaryText: text.slice(end, -1) });
  }

  private constructor(
    stream: string,
    text: string,
    read: Required<Pick<Head, 'seq' | 'status' | 'updatedAt' | 'dueAt' | 'summaryText'>>,
  ) {
    this.stream = stream;
    this.#text = text;
    this.seq = read.seq;
    this.status = read.status;
    this.updatedAt = read.updatedAt;
    this.dueAt = read.dueAt;
    this.summaryText = read.summaryText;
  }

  get version(): Version {
    return this.#head.version;
  }

  get firstSeq(): number {
    return this.#head.firstSeq;
  }

  get chain(): string {
    return this.#head.chain;
  }

  get epoch(): number {
    return this.#head.epoch;
  }

  get operations(): number {
    return this.#head.operations;
  }

  get summary(): Json {
    return this.#head.summary;
  }

  get #head(): Head {
    this.#whole ??= headFrom(this.stream, this.#text);
    return this.#whole;
  }
}
