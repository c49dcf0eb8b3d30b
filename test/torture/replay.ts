// The replay campaign: random lives of sessions, each compared with the replay of its events, and with a snapshot of a
// random moment and the events after it. Whatever a reader can see must be the same in all three.
import { isDeepStrictEqual } from 'node:util';
import { toError } from '../../src/base/errors.ts';
import { sha256 } from '../../src/base/hash.ts';
import type { RestoreSession, SessionCommand } from '../../src/domain/session/session-commands.ts';
import { sessionLaw } from '../../src/domain/session/session-law.ts';
import { contextOf, type SessionState, statusOf } from '../../src/domain/session/session-state.ts';
import { deserializeSession, serializeSession } from '../../src/operations/session-record.ts';
import { replay, type SessionLaw, SessionLife } from '../support/session-life.ts';
import { viewOf } from '../support/session-view.ts';
import { type Harness, seededRandom, type TortureOptions, type TortureResult } from './harness.ts';
import { payloadBytes, type Random, randomCommand, randomTime } from './random-moves.ts';
import { Tally } from './replay-tally.ts';
import { shortest } from './shortest.ts';

const fullSequences = 10_000;
const shortSequences = 300;
const longest = 200;
/** How often everything must occur in a full run, for the run to have said something about it. */
const atLeast = 100;
/** So many of the sequences that differ are shortened and shown. */
const shown = 3;
const startedAt = Date.UTC(2026, 0, 1);

interface Erasing {
  readonly type: 'erase message' | 'erase session';
  /** Which of the messages there are, from 0 to 1. */
  readonly which: number;
}

interface Move {
  readonly command: SessionCommand | Erasing;
  readonly now: number;
}

export const replayHarness: Harness = replayHarnessOf(sessionLaw);

/** The campaign against a law; one that looks at a clock, at chance or at anything else outside is found. */
export function replayHarnessOf(law: SessionLaw): Harness {
  return {
    name: 'replay',
    summary: 'random lives of sessions, compared with their replays and snapshots',
    run: async (options) => run(law, options),
  };
}

function run(law: SessionLaw, { cycles, short, seed, progress }: TortureOptions): TortureResult {
  const sequences = cycles ?? (short ? shortSequences : fullSequences);
  const seeds = seededRandom(seed);
  const tally = new Tally();
  const different: string[] = [];
  const began = performance.now();
  for (let n = 1; n <= sequences; n++) {
    const random = seededRandom(seeds() * 2 ** 32);
    const { life, moves } = wander(law, random, tally);
    const moment = random();
    const [difference] = differencesOf(law, life, moment);
    if (difference !== undefined)
      different.push(`sequence ${n}: ${different.length < shown ? explain(law, moves, moment) : difference}`);
    if (n % 100 === 0 || n === sequences) progress(n, sequences, `${tally.events} events`);
  }
  return {
    rows: [
      ['sequences of up to 200 commands', sequences],
      ['commands', tally.commands],
      ['lawful', `${Math.round((100 * tally.lawful) / tally.commands)} %`],
      ['events', tally.events],
      ['erasures', tally.erasures],
      ['sequences that differ', different.length],
      ['seconds', ((performance.now() - began) / 1000).toFixed(1)],
      ...tally.rows(),
    ],
    broken: [
      ...different.slice(0, shown),
      ...(different.length > shown ? [`${different.length - shown} more sequences differ`] : []),
      ...tally.broken(sequences >= fullSequences ? atLeast : 0),
    ],
  };
}

/** Goes through a random life; also tells what was asked of it, and when. */
function wander(law: SessionLaw, random: Random, tally: Tally): { life: SessionLife; moves: Move[] } {
  const life = lifeUnder(law, tally);
  const moves: Move[] = [];
  let now = startedAt;
  let saved: RestoreSession | undefined;
  for (let left = 1 + Math.floor(random() * longest); left > 0; left--) {
    const version = 1 + Math.floor(random() * Math.max(1, life.seq));
    const earlier = { seq: version, state: life.at(version) };
    const moment = { state: life.state, seq: life.seq, saved, earlier };
    now = randomTime(random, { ...moment, now });
    const command = randomCommand(random, { ...moment, now });
    const move = { command: random() < 0.99 ? command : randomErasing(random), now };
    if (make(life, move) && isErasing(move.command)) tally.erasures += 1;
    moves.push(move);
    if (random() < 0.05) saved = savedFrom(life, now) ?? saved;
  }
  return { life, moves };
}

const randomErasing = (random: Random): Erasing => ({
  type: random() < 0.8 ? 'erase message' : 'erase session',
  which: random(),
});

const isErasing = (command: Move['command']): command is Erasing => command.type.startsWith('erase ');

/** False when nothing could be erased. */
function make(life: SessionLife, { command, now }: Move): boolean {
  if (!isErasing(command)) {
    life.send(command, now);
    return true;
  }
  if (command.type === 'erase session') return life.eraseSession(now);
  const messages = life.erasable();
  const seq = messages[Math.floor(command.which * messages.length)];
  return seq !== undefined && life.eraseMessage(seq, now);
}

const lifeUnder = (law: SessionLaw, tally?: Tally): SessionLife =>
  new SessionLife({ law, valueBytes: payloadBytes + 4096, ...(tally && { observe: tally.observe }) });

/** What restores the session as it is now, through a record as it is stored. */
function savedFrom(life: SessionLife, now: number): RestoreSession | undefined {
  const { state, seq } = life;
  if (statusOf(state) === 'deleted' || contextOf(state).updatedAt === 0) return undefined;
  const record = serializeSession(state, life.messages(), now, seq);
  return deserializeSession(JSON.parse(JSON.stringify(record)));
}

/** How a life and what is made of its events are different. `moment` is the part of the life before the snapshot. */
function differencesOf(law: SessionLaw, life: SessionLife, moment: number): readonly string[] {
  const events = life.recorded();
  const seq = Math.floor(moment * (events.length + 1));
  const initial = law.initial(life.stream);
  const snapshot = law.encode(life.steps[seq - 1]?.state ?? initial);
  const remade: Readonly<Record<string, () => SessionState>> = {
    'the replay of its events': () => replay(law, initial, events),
    'the snapshot of its end': () => law.decode(law.encode(life.state)),
    'a snapshot and the events after it': () => replay(law, law.decode(snapshot), events.slice(seq)),
  };
  const lived = fingerprint(law, life.state);
  const seen = viewOf(life.state);
  return Object.entries(remade).flatMap(([name, remake]) => {
    try {
      const state = remake();
      const same = fingerprint(law, state) === lived && isDeepStrictEqual(viewOf(state), seen);
      return same ? [] : [`${name} and its life lead to different states`];
    } catch (error) {
      return [`${name} fails: ${toError(error).message}`];
    }
  });
}

function fingerprint(law: SessionLaw, state: SessionState): string {
  return sha256(JSON.stringify([law.encode(state), law.summarize(state), law.nextDeadline(state)]));
}

/** The shortest way to a difference that leaving commands out leads to. */
function explain(law: SessionLaw, moves: readonly Move[], moment: number): string {
  const differs = (some: readonly Move[]): readonly string[] => {
    const life = lifeUnder(law);
    for (const move of some) make(life, move);
    return differencesOf(law, life, moment);
  };
  const few = shortest(moves, (some) => differs(some).length > 0);
  const [difference = 'it differs, but not when it is lived again'] = differs(few);
  return `${difference}, after ${few.map(({ command }) => command.type).join(', ')}`;
}
