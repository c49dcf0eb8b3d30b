// Whether a machine can live from its events: an actor that lives, a replay of its events, and a replay from a stored snapshot must come
// to the same state, event by event, at another time and with other chance.
import {
  type AnyMachineSnapshot,
  type AnyStateMachine,
  createActor,
  type EventObject,
  initialTransition,
  transition,
} from 'xstate';
import { toError } from '../base/errors.ts';
import { sha256 } from '../base/hash.ts';
import { canonicalJson, plainJson } from '../base/json.ts';
import { inAnotherTime } from './another-time.ts';
import { type Random, seededRandom } from './seeded-random.ts';

export interface ReplayableOptions {
  readonly machine: AnyStateMachine;
  /**
   * What sequences are made of: a list of events to choose from, or a function that makes one by chance. Events of a fast-check
   * arbitrary come as a list too: `fc.sample(arbitrary, 500)`.
   */
  readonly events: readonly EventObject[] | ((random: Random) => EventObject);
  /** What the machine is started with, where it takes an input. */
  readonly input?: unknown;
  /** How many sequences are tried; 200 by default. */
  readonly runs?: number;
  /** The most events of a sequence; 50 by default. */
  readonly length?: number;
  /** 1 by default: the same seed tries the same. */
  readonly seed?: number;
}

export interface ReplayDifference {
  /** `replay`: from the first event; `snapshot`: from one that was stored after `from` events, and the rest. */
  readonly way: 'replay' | 'snapshot';
  readonly from: number;
  /** The events after which the two are not the same any more; none for the initial state. */
  readonly events: readonly EventObject[];
  readonly problem: string;
}

export interface ReplayProof {
  readonly runs: number;
  readonly events: number;
}

/**
 * Throws an Error that names the shortest sequence of events that was found after which a replay is another than the life was. The actions
 * of the machine run, and actors that it invokes are started, as in life; its delays do not pass.
 */
export function assertReplayable(options: ReplayableOptions): ReplayProof {
  const { machine, events, input, runs = 200, length = 50, seed = 1 } = options;
  const random = seededRandom(seed);
  let tried = 0;
  for (let run = 0; run < runs; run++) {
    const sequence = Array.from({ length: 1 + Math.floor(random() * length) }, () => pick(events, random));
    tried += sequence.length;
    const found = replayDifference(machine, sequence, input);
    if (found !== undefined) throw notReplayable(machine, shortest(machine, found, input), seed);
  }
  return { runs, events: tried };
}

function pick(events: ReplayableOptions['events'], random: Random): EventObject {
  if (typeof events === 'function') return events(random);
  const event = events[Math.floor(random() * events.length)];
  if (event === undefined) throw new TypeError('assertReplayable: give events to choose from');
  return event;
}

function notReplayable({ id }: AnyStateMachine, found: ReplayDifference, seed: number): Error {
  const { way, from, events, problem } = found;
  const how = way === 'replay' ? 'a replay' : `a snapshot after ${from} events, restored, and the rest`;
  const list = events.map((event) => JSON.stringify(event)).join(', ');
  return new Error(`${id} cannot be replayed (seed ${seed}): after [${list}], ${how} gives: ${problem}`);
}

/** Undefined when life, replay and every restore of the sequence agree: for a property of your own. */
export function replayDifference(
  machine: AnyStateMachine,
  events: readonly EventObject[],
  input?: unknown,
): ReplayDifference | undefined {
  const lived = livedThrough(machine, events, input);
  const replayed = inAnotherTime(() => replay(() => firstOf(machine, input), machine, events));
  const differs = compare(lived, replayed, 0, events, 'replay');
  if (differs !== undefined) return differs;
  for (let from = 0; from < lived.length; from += stride(events.length)) {
    const stored = lived[from]?.stored;
    if (stored === undefined) break;
    const restore = (): AnyMachineSnapshot => restored(machine, stored);
    const tail = inAnotherTime(() => replay(restore, machine, events.slice(from)));
    const found = compare(lived.slice(from), tail, from, events, 'snapshot');
    if (found !== undefined) return found;
  }
  return undefined;
}

/** Every place of a short sequence, and about ten of a long one. */
const stride = (length: number): number => Math.max(1, Math.floor(length / 10));

/** A state, or why there is none: a machine that throws must throw again. */
interface Moment {
  readonly text: string;
  readonly hash: string;
  readonly stored?: string;
  /** It would come back from the disk as something else. */
  readonly unkeepable?: true;
}

function livedThrough(
  machine: AnyStateMachine,
  events: readonly EventObject[],
  input: unknown,
): readonly Moment[] {
  const actor = createActor(machine, { input, clock: frozen, logger: () => {} });
  let fault: unknown;
  actor.subscribe({
    error(error) {
      fault = error;
    },
  });
  const moments: Moment[] = [];
  const note = (): void => {
    const snapshot = actor.getSnapshot() as AnyMachineSnapshot;
    moments.push(
      snapshot.status === 'error' ? failure(fault ?? snapshot.error) : momentOf(machine, snapshot),
    );
  };
  actor.start();
  note();
  for (const event of events) {
    if (actor.getSnapshot().status !== 'active') break;
    actor.send(event);
    note();
  }
  actor.stop();
  return moments;
}

/** Delays are events of their own in a journal: none passes by itself. */
const frozen = { setTimeout: () => 0, clearTimeout: () => {} };

function replay(
  start: () => AnyMachineSnapshot,
  machine: AnyStateMachine,
  events: readonly EventObject[],
): readonly Moment[] {
  const moments: Moment[] = [];
  try {
    let snapshot = start();
    moments.push(momentOf(machine, snapshot));
    for (const event of events) {
      if (snapshot.status !== 'active') break;
      [snapshot] = transition(machine, snapshot, event) as [AnyMachineSnapshot, unknown];
      moments.push(snapshot.status === 'error' ? failure(snapshot.error) : momentOf(machine, snapshot));
    }
  } catch (error) {
    moments.push(failure(error));
  }
  return moments;
}

const firstOf = (machine: AnyStateMachine, input: unknown): AnyMachineSnapshot =>
  initialTransition(machine, input as never)[0] as AnyMachineSnapshot;

const restored = (machine: AnyStateMachine, stored: string): AnyMachineSnapshot =>
  createActor(machine, { snapshot: JSON.parse(stored), clock: frozen }).getSnapshot() as AnyMachineSnapshot;

/** Actors that were started are the host's; what of them the state knows stands in its context. */
function momentOf(machine: AnyStateMachine, snapshot: AnyMachineSnapshot): Moment {
  const { children: _, ...own } = machine.getPersistedSnapshot(snapshot) as unknown as Record<
    string,
    unknown
  >;
  const stored = JSON.stringify(machine.getPersistedSnapshot(snapshot));
  try {
    const text = canonicalJson(plainJson(withoutAbsent(own)));
    return { text, hash: sha256(text), stored };
  } catch (error) {
    return { ...failure(error), unkeepable: true };
  }
}

/** Members without a value are the same as those that are not there: JSON knows no difference, and a machine hardly any. */
function withoutAbsent(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(withoutAbsent);
  if (typeof value !== 'object' || value === null) return value;
  const prototype: unknown = Object.getPrototypeOf(value);
  if (prototype !== Object.prototype && prototype !== null) return value;
  const members = Object.entries(value).filter(([, member]) => member !== undefined);
  return Object.fromEntries(members.map(([name, member]) => [name, withoutAbsent(member)]));
}

function failure(error: unknown): Moment {
  const text = `error: ${toError(error).message}`;
  return { text, hash: text };
}

function compare(
  lived: readonly Moment[],
  again: readonly Moment[],
  from: number,
  events: readonly EventObject[],
  way: ReplayDifference['way'],
): ReplayDifference | undefined {
  for (const [index, { hash, text, unkeepable }] of lived.entries()) {
    const other = again[index];
    if (other?.hash === hash && unkeepable === undefined) continue;
    const problem = unkeepable
      ? `no state to store, ${text}`
      : `${other?.text ?? 'nothing'}, and not ${text}`;
    return { way, from, events: events.slice(0, from + index), problem };
  }
  return undefined;
}

/** Leaves out one event after the other for as long as it still differs. */
function shortest(machine: AnyStateMachine, found: ReplayDifference, input: unknown): ReplayDifference {
  let best = found;
  for (let at = 0; at < best.events.length; ) {
    const fewer = replayDifference(machine, best.events.toSpliced(at, 1), input);
    if (fewer === undefined) at += 1;
    else best = fewer;
  }
  return best;
}
