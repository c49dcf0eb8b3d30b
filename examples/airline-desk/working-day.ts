// A day at the airline: the desk opens, all customers are served at once, and the desk closes when the last has been helped.
import type { Client } from 'holdfast';
import type { SessionScript } from '../replay-transcripts/session-script.ts';
import { type Ring, ring } from './agents.ts';
import { type Desk, serveCustomer } from './customer.ts';
import { changePolicy, openPolicies } from './policies.ts';

export const deskId = 'desk';

export async function workTheDay(client: Client, scripts: readonly SessionScript[]): Promise<void> {
  const desk = await openDesk(client);
  await openPolicies(client);
  const total = scripts.reduce((sum, { transcript }) => sum + transcript.messages.length, 0);
  let sent = 0;
  let isChanged = false;
  const onSent = async (count: number): Promise<void> => {
    sent += count;
    if (isChanged || sent < total / 2) return;
    isChanged = true;
    await changePolicy(client);
  };
  await Promise.all(scripts.map((script) => serveCustomer(client, script, desk, onSent)));
  await closeDesk(client, desk);
}

async function openDesk({ sessions, agents }: Client): Promise<Desk> {
  const sessionId = deskId;
  await sessions.create({ sessionId, agent: 'human' }, { idempotencyKey: 'open the desk' });
  const { runId } = await agents.start({ sessionId, agent: 'human' }, { idempotencyKey: 'sit down' });
  return { sessionId, runId };
}

async function closeDesk({ agents }: Client, desk: Desk): Promise<void> {
  const payload = { handoffId: null } satisfies Ring;
  await agents.signal({ ...desk, name: ring, payload }, { idempotencyKey: 'close the desk' });
  await agents.wait(desk);
}
