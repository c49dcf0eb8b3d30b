// A capsule lived through: every line proven, every event taken by the law, from the first to the last. It needs no store.
import { HoldfastError, toError } from '../../base/errors.ts';
import { sha256 } from '../../base/hash.ts';
import { hidingRange } from '../../domain/session/conversation.ts';
import type { ErasedData, MessageEvent } from '../../domain/session/session-events.ts';
import { sessionLaw } from '../../domain/session/session-law.ts';
import type { SessionState } from '../../domain/session/session-state.ts';
import { upcast } from '../../domain/upcasters.ts';
import {
  type CapsuleFooter,
  type CapsuleHeader,
  type CapsulePart,
  CapsuleReader,
  type CapsuleRecord,
} from '../../journal/capsule.ts';
import { CapsuleGenerations } from '../../journal/capsule-generations.ts';
import type { Snapshot, StoredEvent } from '../../journal/journal.ts';
import { isMessage } from '../handlers/reading.ts';

/** The first event that the law does not take, and why. */
export interface Halt {
  readonly seq: number;
  readonly type: string;
  readonly problem: string;
  /** True when it is only that its payload was left out. */
  readonly redacted: boolean;
}

export class CapsuleReplay {
  readonly #reader = new CapsuleReader();
  readonly #snapshots: Snapshot[] = [];
  #header: CapsuleHeader | undefined;
  #footer: CapsuleFooter | undefined;
  #events: StoredEvent[] = [];
  readonly records: string[] = [];
  /** Of each record, for whoever has some of them already. */
  readonly hashes: string[] = [];
  readonly #breaks = new Set<number>();
  readonly #keeps: boolean;

  /** `keeps`: all of it, for an import; else only what its replay needs. */
  constructor(keeps: boolean) {
    this.#keeps = keeps;
  }

  take(line: string): void {
    const part: CapsulePart = this.#reader.take(line);
    if ('header' in part) this.#header = known(part.header);
    else if ('snapshot' in part) this.#snapshots.push(part.snapshot);
    else if ('footer' in part) this.#footer = part.footer;
    else if ('record' in part) this.#takeRecord(part);
  }

  /** All of it, once its end was seen; throws `CAPSULE_INVALID` when it was not. */
  end(): Capsule {
    this.#reader.end();
    return {
      header: this.#header as CapsuleHeader,
      footer: this.#footer as CapsuleFooter,
      events: this.#events,
      snapshots: this.#snapshots,
      records: this.records,
      hashes: this.hashes,
      breaks: this.#breaks,
    };
  }

  #takeRecord({ record, event, hash, follows }: CapsuleRecord): void {
    if (!follows) this.#breaks.add(event.seq);
    this.#events.push(upcast(event));
    if (!this.#keeps) return;
    this.records.push(record);
    this.hashes.push(hash);
  }
}

/** What a newer law made of the events is not for an older one to guess. */
function known(header: CapsuleHeader): CapsuleHeader {
  const { lawVersion: found, stream } = header;
  const supported = sessionLaw.version;
  if (found > supported)
    throw new HoldfastError('VERSION_TOO_NEW', { stream, what: 'law', found, supported });
  return header;
}

export interface Capsule {
  readonly header: CapsuleHeader;
  readonly footer: CapsuleFooter;
  readonly events: readonly StoredEvent[];
  readonly snapshots: readonly Snapshot[];
  readonly records: readonly string[];
  readonly hashes: readonly string[];
  /** Events to which the chain does not lead on from those before them: these were given up. */
  readonly breaks: ReadonlySet<number>;
}

export type Lived = { readonly state: SessionState } | { readonly halt: Halt };

/** The state after the last event, or where the law did not go on. */
export function liveThrough(capsule: Capsule): Lived {
  let { state } = startOf(capsule);
  for (const step of stepsOf(capsule)) {
    if (step.halt !== undefined) return { halt: step.halt };
    state = step.state;
  }
  return { state };
}

/** One event of a capsule, and the state behind it. */
export interface Step {
  readonly event: StoredEvent;
  readonly index: number;
  readonly state: SessionState;
  /** False for what was given up: the state is the one from before it, until an event carries another. */
  readonly isProven: boolean;
  /** Why it goes no further. */
  readonly halt?: Halt;
}

/** All events, oldest first, up to the first that halts it. What was given up halts nothing: the next generation carries its state. */
export function* stepsOf(capsule: Capsule): Generator<Step> {
  const { header, events, breaks } = capsule;
  const generations = new CapsuleGenerations(header.generations ?? []);
  const erased = erasedIn(events);
  const hashes = stateHashesIn(capsule);
  const start = startOf(capsule);
  let { state } = start;
  let isProven = true;
  for (const [index, event] of events.entries()) {
    if (event.seq > start.seq) {
      // One whose state was erased begins nothing that a state could be made of.
      const begins =
        event.type === 'session.recovered' && (event.data !== undefined || !erased.has(event.seq));
      isProven = begins || (isProven && !breaks.has(event.seq));
      const next = evolved(state, event, erased.has(event.seq), isProven);
      if ('state' in next) state = next.state;
      else if (next.halt.redacted || !generations.gaveUp(event.seq))
        return yield { event, index, state, isProven: false, halt: next.halt };
      else isProven = false;
      const expected = isProven ? hashes.get(event.seq) : undefined;
      if (expected !== undefined && sha256(sessionLaw.encode(state)) !== expected)
        return yield { event, index, state, isProven: false, halt: contradicted(event) };
    }
    yield { event, index, state, isProven };
  }
}

/** As a stream is hydrated: from nothing, from a snapshot where its beginning was trimmed, or behind its own tombstone. */
export function startOf({ header, snapshots }: Pick<Capsule, 'header' | 'snapshots'>): {
  readonly seq: number;
  readonly state: SessionState;
  readonly base?: Snapshot;
} {
  const { stream, firstSeq } = header;
  if (firstSeq === 1) return { seq: 0, state: sessionLaw.initial(stream) };
  const base = oldestUsable(snapshots, firstSeq);
  if (base === undefined) return { seq: firstSeq - 1, state: sessionLaw.tombstone(stream) };
  return { seq: base.seq, state: sessionLaw.decode(base.state), base };
}

function oldestUsable(snapshots: readonly Snapshot[], firstSeq: number): Snapshot | undefined {
  return snapshots
    .filter(({ lawVersion, seq }) => lawVersion === sessionLaw.version && seq >= firstSeq - 1)
    .sort((a, b) => a.seq - b.seq)[0];
}

/** What the snapshots of this law say that the state hashes to, by their seqs. */
const stateHashesIn = ({ snapshots }: Capsule): ReadonlyMap<number, string> =>
  new Map(
    snapshots
      .filter(({ lawVersion }) => lawVersion === sessionLaw.version)
      .map(({ seq, stateHash }) => [seq, stateHash]),
  );

const contradicted = ({ seq, type }: StoredEvent): Halt => {
  const problem = 'the events up to it do not lead to the state of the snapshot';
  return { seq, type, problem, redacted: false };
};

/** What the session itself knows to be erased is no redaction: it lives on without. */
function erasedIn(events: readonly StoredEvent[]): ReadonlySet<number> {
  const records = events.filter(({ type }) => type === 'payload.erased');
  return new Set(records.flatMap(({ data }) => (data as Partial<ErasedData> | null | undefined)?.seqs ?? []));
}

function evolved(state: SessionState, event: StoredEvent, isErased: boolean, isProven: boolean): Lived {
  const { seq, type } = event;
  const redacted = event.data === undefined && !isErased;
  // A law that is given nothing may go on with a state that never was: what was left out stops it here.
  if (redacted) return { halt: { seq, type, redacted, problem: 'its payload was left out' } };
  if (!isProven) return { state };
  try {
    const next = sessionLaw.evolve(state, event);
    if (next !== undefined) return { state: next };
    return { halt: { seq, type, redacted, problem: 'it is not lawful after the events before it' } };
  } catch (error) {
    return { halt: { seq, type, redacted, problem: toError(error).message } };
  }
}

/** The messages that belong to the conversation, in their order. */
export function messagesOf(
  { events }: Capsule,
  { conversation }: SessionState,
): readonly (StoredEvent & MessageEvent)[] {
  return events
    .filter(isMessage)
    .filter(({ seq }) => seq > conversation.clearedThrough && hidingRange(conversation, seq) === undefined);
}

export function haltError(sessionId: string, { seq, type, problem, redacted }: Halt): HoldfastError {
  if (redacted) return new HoldfastError('CAPSULE_REDACTED', { sessionId, seq, type });
  return new HoldfastError('CAPSULE_INVALID', {
    line: seq + 1,
    problem: `event ${seq}, ${type}: ${problem}`,
  });
}
