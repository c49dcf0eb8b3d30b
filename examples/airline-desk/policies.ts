// What the airline allows and what it costs, in a space that all customers' sessions have joined: one place, one order of changes, and
// whoever was away hears of them all the same.
import type { Client, Json, Page, SpaceEntryInfo } from 'holdfast';

export type PolicyTable = { readonly [key: string]: Json };

const spaceId = 'policies';
/** The session that may change them. */
export const headquarters = 'headquarters';

const policies: PolicyTable = {
  'bags/free/basic-economy': { regular: 0, silver: 1, gold: 2 },
  'bags/free/economy': { regular: 1, silver: 2, gold: 3 },
  'bags/free/business': { regular: 2, silver: 3, gold: 3 },
  'fee/extra-bag': 50,
  'fee/insurance': 30,
  'certificate/cancelled': 100,
  'certificate/delayed': 50,
  'cancel/hours-after-booking': 24,
  'passengers/most': 5,
};

const change = { key: 'fee/extra-bag', value: 40 };

/** As they are once headquarters has changed one of them. */
export const policiesInTheEnd: PolicyTable = { ...policies, [change.key]: change.value };

/** Done again in each life of the process: under its keys it happens once. */
export async function openPolicies({ sessions, spaces }: Client): Promise<void> {
  await sessions.create({ sessionId: headquarters }, { idempotencyKey: headquarters });
  await spaces.create({ spaceId, name: 'airline policies' }, { idempotencyKey: 'policies' });
  await spaces.join({ spaceId, sessionId: headquarters }, { idempotencyKey: `${headquarters}/joins` });
  const writes = Object.entries(policies).map(([key, value]) => ({ op: 'set' as const, key, value }));
  await spaces.transact(
    { spaceId, sessionId: headquarters, cause: 'the policy of today', writes },
    { idempotencyKey: 'the policy of today' },
  );
}

export async function joinPolicies({ spaces }: Client, sessionId: string): Promise<void> {
  await spaces.join({ spaceId, sessionId }, { idempotencyKey: `${sessionId}/joins` });
}

/** While customers are on the line an extra bag becomes cheaper. */
export async function changePolicy({ spaces }: Client): Promise<void> {
  const place = { spaceId, sessionId: headquarters, ...change };
  await spaces.set({ ...place, cause: 'a campaign' }, { idempotencyKey: 'a campaign' });
}

/** Resolves once a session has heard of the change, which may have happened before it was asked. */
export async function hearOfChange({ spaces }: Client, sessionId: string): Promise<void> {
  for await (const { data } of spaces.stream({ spaceId, sessionId, types: ['space.written'] }))
    if (data.writes.some(({ key, value }) => key === change.key && value === change.value)) return;
}

/** How a session asks for all of them. */
export const allPolicies = { spaceId, limit: 1000 };

export function policyTable({ items }: Page<SpaceEntryInfo>): PolicyTable {
  return Object.fromEntries(items.map(({ key, value = null }) => [key, value]));
}
