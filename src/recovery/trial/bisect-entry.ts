// The program of a process that folds a session's events where nobody is harmed by what they do. It is handed what to begin with
// and records, a line each, says which event it is at before it folds it, and at the end that it came through, or why not.
import { writeSync } from 'node:fs';
import { Worker } from 'node:worker_threads';
import { toError } from '../../base/errors.ts';
import { sessionLaw } from '../../domain/session/session-law.ts';
import type { SessionState } from '../../domain/session/session-state.ts';
import { upcast } from '../../domain/upcasters.ts';
import type { StoredEvent } from '../../journal/journal.ts';
import { decodeRecord } from '../../journal/record.ts';
import { type Parkings, replayedAs } from '../../journal/replay-guard.ts';
import type { ProbeHeader, ProbeVerdict } from './probe.ts';

const counter = new SharedArrayBuffer(4);
const begun = new Int32Array(counter);

class Folding {
  #header: ProbeHeader | undefined;
  #parked: Parkings = new Map();
  #state: SessionState | undefined;
  #seq = 0;
  #rest = '';

  take(text: string): void {
    const lines = (this.#rest + text).split('\n');
    this.#rest = lines.pop() ?? '';
    for (const line of lines) this.#takeLine(line);
    say('-');
  }

  /** Also what a snapshot of it would need. */
  end(): ProbeVerdict {
    if (this.#state !== undefined) sessionLaw.encode(this.#state);
    return { ok: true };
  }

  /** Where it stands, for what is thrown. */
  get seq(): number {
    return this.#seq;
  }

  #takeLine(line: string): void {
    if (this.#header === undefined) this.#begin(JSON.parse(line) as ProbeHeader);
    else this.#fold(this.#header, JSON.parse(line) as string);
  }

  #begin(header: ProbeHeader): void {
    const { stream, from, firstSeq, state } = header;
    this.#header = header;
    this.#parked = new Map(header.parked.map((parking) => [parking.seq, parking]));
    this.#seq = from;
    if (state !== undefined) this.#state = sessionLaw.decode(state);
    else this.#state = firstSeq === 1 ? sessionLaw.initial(stream) : sessionLaw.tombstone(stream);
  }

  #fold({ stream }: ProbeHeader, record: string): void {
    this.#seq += 1;
    const { event, hash } = decoded(record, stream, this.#seq);
    const parking = this.#parked.get(this.#seq);
    if (parking !== undefined && parking.hash !== hash) throw new Damage('another record was parked');
    const taken = replayedAs(event, this.#parked);
    if (taken === undefined) return;
    Atomics.add(begun, 0, 1);
    say(String(this.#seq));
    const next = sessionLaw.evolve(this.#state as SessionState, taken);
    if (next === undefined) throw new Error(`${event.type} is not lawful after the records before it`);
    this.#state = next;
  }
}

/** What is wrong with the record itself is no matter of the law. */
class Damage extends Error {}

function decoded(
  record: string,
  stream: string,
  seq: number,
): { readonly event: StoredEvent; readonly hash: string } {
  try {
    const { event, hash } = decodeRecord(record, stream, seq);
    return { event: upcast(event), hash };
  } catch (error) {
    throw new Damage(toError(error).message);
  }
}

export interface GuardData {
  readonly parent: number;
  readonly memoryMb: number;
  readonly stallMs: number;
  /** How many events were begun. */
  readonly counter: SharedArrayBuffer;
}

/** At once: what is still on its way when this process ends would be lost. */
function say(word: string): void {
  writeSync(1, `${word}\n`);
}

const folding = new Folding();

const [memoryMb, stallMs] = process.argv.slice(2).map(Number);
const workerData = { parent: process.ppid, memoryMb, stallMs, counter };
new Worker(new URL('./bisect-guard-entry.js', import.meta.url), { workerData }).unref();

function failed(error: unknown): never {
  const how = error instanceof Damage ? 'damaged' : 'threw';
  const verdict: ProbeVerdict = { ok: false, seq: folding.seq, how, problem: toError(error).message };
  say(JSON.stringify(verdict));
  process.exit(0);
}

process.stdin.setEncoding('utf8');
process.stdin.on('data', (text: string) => {
  try {
    folding.take(text);
  } catch (error) {
    failed(error);
  }
});
process.stdin.once('end', () => {
  try {
    say(JSON.stringify(folding.end()));
  } catch (error) {
    failed(error);
  }
});
