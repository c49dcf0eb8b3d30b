// A session that is handed to and fro between others, as the crash matrix wants it: wherever its process ends, one of them owns it,
// whoever accepted was told of it once, and nothing is on offer beyond its deadline.
import assert from 'node:assert/strict';
import type { Client } from '../../../src/client/client.ts';
import { type HandoffKind, handoffKinds } from '../../../src/domain/handoff/handoff.ts';
import { createSystem, type System } from '../../../src/system.ts';
import type { CommandPlace, CrashScenario } from '../../../src/testing/crash-matrix/scenario.ts';
import type { ManualClock } from '../../../src/testing/manual-clock.ts';
import type { Random } from '../random-moves.ts';

const parties = ['desk', 'boss'] as const;
type Party = (typeof parties)[number];

export type HandoffMove =
  | { readonly do: 'create'; readonly sessionId: string }
  | { readonly do: 'offer'; readonly kind: HandoffKind; readonly to: Party }
  | { readonly do: 'accept' | 'reject' | 'complete' | 'write' | 'end'; readonly by: Party }
  | { readonly do: 'withdraw' }
  | { readonly do: 'wait'; readonly ms: number };

interface Running {
  readonly system: System;
  readonly clock: ManualClock;
}

const customer = { sessionId: 'customer' };
const deadlineMs = 60_000;
/** Whatever is under way needs fewer turns of the loop. */
const mostTurns = 1_000;

export const handoffScenario = (most: number): CrashScenario<Running, HandoffMove> => ({
  start: async ({ store, clock, newId }) => ({
    system: await createSystem({ store, clock, newId, passivateAfterMs: null, scrubEveryMs: 0 }),
    clock,
  }),
  commands: (random) => [
    ...['customer', ...parties].map((sessionId): HandoffMove => ({ do: 'create', sessionId })),
    ...Array.from({ length: 2 + Math.ceil(random() * most) }, () => randomMove(random)),
  ],
  run: ({ system, clock }, move, place) => carryOut(system.client, clock, move, place),
  read: ({ system, clock }) => seen(system.client, clock),
  check: (state) => oneOwner(state as Seen),
  stop: ({ system }) => system.close(),
});

function randomMove(random: Random): HandoffMove {
  const by = parties[Math.floor(random() * parties.length)] ?? 'desk';
  const kind = handoffKinds[Math.floor(random() * handoffKinds.length)] ?? 'full_handoff';
  const what = random();
  if (what < 0.35) return { do: 'offer', kind, to: by };
  if (what < 0.65) return { do: 'accept', by };
  if (what < 0.8) return { do: 'write', by };
  if (what < 0.85) return { do: 'reject', by };
  if (what < 0.9) return { do: 'complete', by };
  if (what < 0.94) return { do: 'withdraw' };
  return what < 0.97 ? { do: 'wait', ms: deadlineMs } : { do: 'end', by };
}

async function carryOut(
  client: Client,
  clock: ManualClock,
  move: HandoffMove,
  { key: idempotencyKey }: CommandPlace,
): Promise<unknown> {
  const options = { idempotencyKey };
  const { handoffs, sessions, memory } = client;
  switch (move.do) {
    case 'create':
      return sessions.create({ sessionId: move.sessionId }, options);
    case 'offer': {
      const to = { sessionId: move.to };
      const asked = { ...customer, to, kind: move.kind, deadlineMs, summary: 'in short' };
      return handoffs.offer(asked, { ...options, ...(await asOwner(client)) });
    }
    case 'accept':
    case 'reject':
      return handoffs[move.do]({ sessionId: move.by, handoffId: await newest(client) }, options);
    case 'complete':
      return handoffs.complete({ sessionId: move.by, handoffId: await newest(client) }, options);
    case 'withdraw':
      return handoffs.withdraw(
        { ...customer, handoffId: await newest(client) },
        { ...options, ...(await asOwner(client)) },
      );
    case 'write': {
      const { ownershipEpoch: epoch } = await handoffs.ownership(customer);
      const ownership = { owner: move.by, epoch };
      return memory.set({ ...customer, key: move.by, value: idempotencyKey }, { ...options, ownership });
    }
    case 'end':
      return sessions.terminate({ sessionId: move.by }, options);
    case 'wait':
      return clock.advance(move.ms);
  }
}

async function asOwner({ handoffs }: Client) {
  const { owner, ownershipEpoch: epoch } = await handoffs.ownership(customer);
  return owner === null ? {} : { ownership: { owner, epoch } };
}

async function newest({ handoffs }: Client): Promise<string> {
  return (await handoffs.list({ limit: 1 })).items[0]?.handoffId ?? 'customer/1';
}

interface Seen {
  readonly status: string | null;
  readonly owner: string | null;
  readonly ownershipEpoch: number;
  readonly collaborators: readonly string[];
  readonly handoffs: readonly {
    readonly handoffId: string;
    readonly status: string;
    readonly delivered: boolean;
  }[];
  readonly told: Readonly<Record<string, readonly string[]>>;
  readonly written: readonly (readonly [key: string, value: unknown])[];
}

/** Once nothing is under way any more. */
async function seen(client: Client, clock: ManualClock): Promise<Seen | null> {
  const found = await client.sessions.get(customer).catch(notFound);
  if (found === undefined) return null;
  for (let turns = 0; ; turns++) {
    assert.ok(turns < mostTurns, 'what is under way does not come to its end');
    const { items } = await client.handoffs.list({ limit: 1_000 });
    const { status } = await client.sessions.get(customer);
    const isOpen = items.some(
      (one) =>
        (one.status === 'accepted' && one.deliveredAt === null) ||
        (one.status === 'pending' && one.deadlineAt <= clock.now()) ||
        (one.kind === 'full_handoff' && one.deliveredAt !== null && status !== 'terminated'),
    );
    if (!isOpen && status !== 'terminating') break;
    // What is due rings when time passes, be it none; what failed is tried again a second later.
    await clock.advance(turns % 10 < 9 ? 0 : 1_000);
  }
  const { offer: _, ...ownership } = await client.handoffs.ownership(customer);
  const { items } = await client.handoffs.list({ limit: 1_000 });
  const keys = await client.memory.keys(customer);
  const told = await Promise.all(parties.map(async (party) => [party, await toldOf(client, party)] as const));
  // By their order: the seq in an id says too what a delivery that was tried again came behind.
  const order = new Map([...items].reverse().map(({ handoffId }, place) => [handoffId, `#${place + 1}`]));
  const placeOf = (handoffId: string): string => order.get(handoffId) ?? handoffId;
  return {
    status: (await client.sessions.get(customer)).status,
    ...ownership,
    handoffs: items.map(({ handoffId, status, kind, acceptedBy, deliveredAt, reason, outcome }) => ({
      ...{ handoffId: placeOf(handoffId), status, kind, acceptedBy, reason, outcome },
      delivered: deliveredAt !== null,
    })),
    told: Object.fromEntries(told.map(([party, ids]) => [party, ids.map(placeOf)])),
    written: await Promise.all(
      keys.map(async (key) => [key, (await client.memory.get({ ...customer, key })).value] as const),
    ),
  };
}

async function toldOf({ messages }: Client, sessionId: string): Promise<readonly string[]> {
  const page = await messages.list({ sessionId }).catch(notFound);
  return (page?.items ?? []).map(
    ({ metadata }) => (metadata as { handoff: { handoffId: string } }).handoff.handoffId,
  );
}

function oneOwner(found: Seen | null): void {
  if (found === null) return;
  const { owner, collaborators, handoffs, told } = found;
  assert.ok(owner === null || !collaborators.includes(owner) || collaborators.length > 0);
  for (const { handoffId, delivered } of handoffs) {
    const times = Object.values(told)
      .flat()
      .filter((id) => id === handoffId).length;
    assert.equal(times, delivered ? 1 : 0, `${handoffId} was told ${times} times`);
  }
}

function notFound(error: unknown): undefined {
  if ((error as { code?: string }).code === 'SESSION_NOT_FOUND') return undefined;
  throw error;
}
