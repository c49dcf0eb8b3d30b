// A journal that is about to meet a disk failure: one stream with two events, and the ways to ask for a third.
import type { Append, Head, Journal } from '../../src/journal/journal.ts';
import { type Fault, nthWrite } from '../../src/testing/faulty-level.ts';
import {
  commitNew,
  draft,
  headDraft,
  stream,
} from '../../src/testing/journal-conformance/journal-fixture.ts';
import { type MemoryJournal, memoryJournal } from './memory-journal.ts';

export interface Started extends MemoryJournal {
  readonly journal: Journal;
  /** The head of the stream, which has two events. */
  readonly head: Head;
}

export async function started(): Promise<Started> {
  const store = memoryJournal();
  const journal = await store.open();
  return { ...store, journal, head: await commitNew(journal, 2) };
}

export const failNext = ({ disk }: MemoryJournal, fault: Fault): void =>
  disk.failWrites(nthWrite(disk.writes + 1, fault));

export const appendNext = ({ journal, head }: Started, data?: unknown): Promise<Append> =>
  journal.append(stream, head.version, [draft(3, data)], { head: headDraft });

export const codeFrom = (error: { code?: string }): unknown => error.code ?? error;

export const codeOf = (promise: Promise<unknown>): Promise<unknown> =>
  promise.then(() => 'answered', codeFrom);
