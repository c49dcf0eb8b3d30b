// What becomes of a session that is handed over, the naive way: a list of plain handoffs, an owner and a number. Random lives of the
// law are led beside it; after each move both stand where the other does, and the same writers are let in.
import fc from 'fast-check';
import { expect } from 'vitest';
import {
  findHandoff,
  type HandoffKind,
  type HandoffStatus,
  handoffKinds,
  heldHandoffs,
  noOwnership,
} from '../../src/domain/handoff/handoff.ts';
import type { HandoffCommand } from '../../src/domain/handoff/handoff-events.ts';
import { sessionLaw } from '../../src/domain/session/session-law.ts';
import { statusOf } from '../../src/domain/session/session-state.ts';
import { offer } from './handoff-life.ts';
import { type Outcome, SessionLife } from './session-life.ts';
import { opening } from './session-states.ts';

const parties = ['a', 'b', 'c'] as const;
type Party = (typeof parties)[number];

interface Plain {
  readonly id: string;
  readonly kind: HandoffKind;
  readonly to: Party | null;
  readonly key: string | null;
  readonly deadline: number;
  status: HandoffStatus;
  by: Party | null;
  former: Party | null;
  delivered: boolean;
}

interface Model {
  now: number;
  ended: boolean;
  owner: Party | null;
  epoch: number;
  sharers: Set<Party>;
  readonly all: Plain[];
  /** What was ever given out to one party alone. */
  readonly granted: { readonly owner: Party; readonly epoch: number }[];
}

type Move = fc.Command<Model, SessionLife>;

const startMs = 1_000_000;

const move = (name: string, run: (model: Model, life: SessionLife) => void): Move => ({
  check: () => true,
  run(model, life) {
    expire(model);
    run(model, life);
    agree(model, life);
  },
  toString: () => name,
});

const pending = ({ all }: Model): Plain | undefined => all.find(({ status }) => status === 'pending');

function expire(model: Model): void {
  const open = pending(model);
  if (open !== undefined && open.deadline <= model.now) open.status = 'expired';
}

const codeOf = (outcome: Outcome): string => ('refusal' in outcome ? outcome.refusal.code : 'ok');

/** What the state shows is what the model holds, and whoever may write by the one may write by the other. */
function agree(model: Model, life: SessionLife): void {
  const { owner, ownershipEpoch, collaborators, ...held } = life.state.ownership ?? noOwnership;
  const shown = heldHandoffs(held).map(({ handoffId, status, deliveredAt }) => ({
    id: handoffId,
    ...{ status, delivered: deliveredAt !== null },
  }));
  expect(shown).toEqual(model.all.map(({ id, status, delivered }) => ({ id, status, delivered })));
  expect({ owner, ownershipEpoch }).toEqual({ owner: model.owner, ownershipEpoch: model.epoch });
  expect(new Set(collaborators)).toEqual(model.sharers);
  for (const name of parties)
    for (const epoch of [model.epoch - 1, model.epoch, model.epoch + 1])
      expect(mayWrite(life, name, epoch)).toBe(mayByModel(model, name, epoch));
  const owners = model.granted.filter(
    (grant) =>
      mayWrite(life, grant.owner, grant.epoch) && !model.sharers.has(grant.owner) && model.owner !== null,
  );
  expect(new Set(owners.map(({ owner: name }) => name)).size).toBeLessThanOrEqual(1);
}

const note = { type: 'memory.set', key: 'k', value: 1 } as const;

const mayWrite = ({ state }: SessionLife, owner: string, epoch: number): boolean =>
  sessionLaw.fenceOwner?.(state, note, { owner, epoch }, false) === undefined;

const mayByModel = (model: Model, name: Party, epoch: number): boolean =>
  epoch === model.epoch && (model.owner === null || model.owner === name || model.sharers.has(name));

function offerMove(kind: HandoffKind, to: Party | null, key: string | null, deadlineMs: number): Move {
  return move(`offer ${kind} to ${to ?? 'agent'} under ${key} for ${deadlineMs}`, (model, life) => {
    const addressee = to === null ? { sessionId: null, agent: 'human' } : { sessionId: to, agent: null };
    const outcome = life.send(offer({ kind, to: addressee, key, deadlineMs }), model.now);
    const known = key === null ? undefined : model.all.findLast((handoff) => handoff.key === key);
    if (model.ended) expect(codeOf(outcome)).toBe(known === undefined ? 'SESSION_NOT_ACTIVE' : 'ok');
    else if (known !== undefined)
      expect(outcome).toMatchObject({ reply: { handoffId: known.id, existing: true } });
    else if (pending(model) !== undefined) expect(codeOf(outcome)).toBe('HANDOFF_PENDING');
    else {
      const { handoffId: id } = (outcome as unknown as { reply: { handoffId: string } }).reply;
      const fresh = { status: 'pending', by: null, former: null, delivered: false } as const;
      model.all.push({ id, kind, to, key, deadline: model.now + deadlineMs, ...fresh });
    }
  });
}

/** Sends a command about the handoff that stands at a place, and hears what the model makes of it. */
function about(
  name: string,
  place: number,
  command: (handoffId: string) => HandoffCommand,
  judge: (model: Model, handoff: Plain) => string,
): Move {
  return move(`${name} ${place}`, (model, life) => {
    const handoff = model.all.at(-1 - (place % Math.max(1, model.all.length)));
    const outcome = codeOf(life.send(command(handoff?.id ?? 's1/999'), model.now));
    expect(outcome).toBe(handoff === undefined ? 'HANDOFF_NOT_FOUND' : judge(model, handoff));
  });
}

const isFor = ({ to }: Plain, by: Party, agent: string | null): boolean =>
  to === null ? agent === 'human' : to === by;

const acceptMove = (place: number, by: Party, agent: string | null): Move =>
  about(
    `${by} accepts`,
    place,
    (handoffId) => ({ type: 'handoff.accept', handoffId, by, agent }),
    (model, handoff) => {
      if (handoff.by === by && handoff.status !== 'returned') return 'ok';
      if (!isFor(handoff, by, agent)) return 'HANDOFF_NOT_ADDRESSED';
      if (handoff.status !== 'pending') return 'HANDOFF_SETTLED';
      Object.assign(handoff, { status: 'accepted', by, former: model.owner });
      if (handoff.kind === 'collaboration') model.sharers.add(by);
      else {
        for (const other of model.all)
          if (other !== handoff && other.status === 'accepted' && other.delivered) other.status = 'completed';
        model.owner = by;
        model.epoch += 1;
        model.sharers.clear();
        model.granted.push({ owner: by, epoch: model.epoch });
      }
      return 'ok';
    },
  );

const rejectMove = (place: number, by: Party, agent: string | null): Move =>
  about(
    `${by} rejects`,
    place,
    (handoffId) => ({ type: 'handoff.reject', handoffId, by, agent, reason: 'busy' }),
    (_, handoff) => {
      if (handoff.status === 'rejected') return 'ok';
      if (!isFor(handoff, by, agent)) return 'HANDOFF_NOT_ADDRESSED';
      if (handoff.status !== 'pending') return 'HANDOFF_SETTLED';
      handoff.status = 'rejected';
      return 'ok';
    },
  );

const withdrawMove = (place: number): Move =>
  about(
    'withdraw',
    place,
    (handoffId) => ({ type: 'handoff.withdraw', handoffId, reason: 'changed' }),
    (_, handoff) => {
      if (handoff.status === 'withdrawn') return 'ok';
      if (handoff.status !== 'pending') return 'HANDOFF_SETTLED';
      handoff.status = 'withdrawn';
      return 'ok';
    },
  );

const completeMove = (place: number, by: Party): Move =>
  about(
    `${by} completes`,
    place,
    (handoffId) => ({
      ...{ type: 'handoff.complete', handoffId, by, outcome: 'success', reason: null, result: null },
    }),
    (model, handoff) => {
      if (handoff.by !== by) return 'HANDOFF_NOT_ADDRESSED';
      if (handoff.status === 'completed') return 'ok';
      if (handoff.status !== 'accepted') return 'HANDOFF_SETTLED';
      if (!handoff.delivered) return 'HANDOFF_NOT_DELIVERED';
      handoff.status = 'completed';
      leave(model, handoff);
      return 'ok';
    },
  );

/** Who shares by another handoff goes on sharing. */
function leave(model: Model, { kind, by }: Plain): void {
  const still = model.all.some(
    (other) => other.kind === 'collaboration' && other.status === 'accepted' && other.by === by,
  );
  if (kind === 'collaboration' && by !== null && !still) model.sharers.delete(by);
}

const deliverMove = (place: number): Move =>
  about(
    'deliver',
    place,
    (handoffId) => ({ type: 'handoff.deliver', handoffId }),
    (_, handoff) => {
      if (handoff.status === 'accepted') handoff.delivered = true;
      return 'ok';
    },
  );

const returnMove = (place: number): Move =>
  about(
    'return',
    place,
    (handoffId) => ({ type: 'handoff.return', handoffId, reason: 'gone' }),
    (model, handoff) => {
      if (handoff.status !== 'accepted' || handoff.delivered) return 'ok';
      handoff.status = 'returned';
      leave(model, handoff);
      if (handoff.kind !== 'collaboration' && model.owner === handoff.by) {
        model.owner = handoff.former;
        model.epoch += 1;
        if (handoff.former !== null) model.granted.push({ owner: handoff.former, epoch: model.epoch });
      }
      return 'ok';
    },
  );

const waitMove = (ms: number): Move =>
  move(`wait ${ms}`, (model, life) => {
    model.now += ms;
    life.wake(model.now);
    expire(model);
  });

/** A life that ends takes its offer along; one that begins anew keeps its owner. */
const endMove: Move = move('end', (model, life) => {
  life.send({ type: 'session.terminate', reason: 'r', cleanup: false }, model.now);
  life.send({ type: 'session.finishTermination' }, model.now);
  const open = pending(model);
  if (open !== undefined) open.status = 'withdrawn';
  model.ended = true;
  expect(statusOf(life.state)).toBe('terminated');
});

/** As another process finds it. */
const reloadMove: Move = move('reload', (_, life) => {
  const text = sessionLaw.encode(life.state);
  expect(sessionLaw.encode(sessionLaw.decode(text))).toBe(text);
  for (const { handoffId } of heldHandoffs(life.state.ownership ?? noOwnership))
    expect(findHandoff(sessionLaw.decode(text).ownership ?? noOwnership, handoffId)).toBeDefined();
});

const place = fc.nat({ max: 3 });
const party = fc.constantFrom(...parties);
const agent = fc.constantFrom('human', 'human', null);

export const handoffMoves = fc.commands(
  [
    fc
      .tuple(
        fc.constantFrom(...handoffKinds),
        fc.option(party, { freq: 3 }),
        fc.option(fc.constantFrom('k', 'l'), { freq: 1 }),
        fc.constantFrom(5, 20, 100),
      )
      .map((given) => offerMove(...given)),
    fc.tuple(fc.constant(0), party, agent).map((given) => acceptMove(...given)),
    fc.tuple(place, party, agent).map((given) => acceptMove(...given)),
    fc.tuple(place, party, agent).map((given) => rejectMove(...given)),
    fc.tuple(place, party).map((given) => completeMove(...given)),
    place.map(withdrawMove),
    place.map(deliverMove),
    place.map(returnMove),
    fc.constantFrom(1, 5, 20).map(waitMove),
    fc.constant(reloadMove),
    fc.constant(endMove),
  ],
  { maxCommands: 25, size: 'max' },
);

export function liveAsModelled(moves: Iterable<Move>): void {
  const real = new SessionLife();
  real.send(opening(), startMs);
  const model: Model = {
    ...{ now: startMs, ended: false, owner: null, epoch: 0, sharers: new Set(), all: [], granted: [] },
  };
  fc.modelRun(() => ({ model, real }), moves);
  let replayed = sessionLaw.initial(real.stream);
  for (const event of real.recorded()) replayed = sessionLaw.evolve(replayed, event) ?? replayed;
  expect(sessionLaw.encode(replayed)).toBe(sessionLaw.encode(real.state));
}
