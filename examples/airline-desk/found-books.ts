// Reads the books out of the store, as anybody could who opens the directory later.
import { join } from 'node:path';
import {
  type Client,
  createSystem,
  type Json,
  type Page,
  type RecoveryReceipt,
  type ShownStatus,
} from 'holdfast';
import { canonicalText, fromMessageInfo } from '../replay-transcripts/chat-message.ts';
import { readAirlineBook } from './airline.ts';
import type { Books, CustomerBook, TaskBook } from './books.ts';
import type { Day } from './lives.ts';
import { allPolicies, headquarters, policyTable } from './policies.ts';
import { deskId } from './working-day.ts';

export interface Found {
  readonly books: Books;
  /** Calls that agents made again, since they were killed before they had noted the answer. */
  readonly calledAgain: number;
  readonly starts: number;
  readonly receipts: readonly RecoveryReceipt[];
}

export async function readBooks(location: string, { told }: Day): Promise<Found> {
  await using system = await createSystem({ location: join(location, 'store') });
  const { client } = system;
  const { done, again } = readAirlineBook(location);
  const boots = await client.recovery.boots({ limit: 100 });
  const receipts = await all((cursor) => client.recovery.receipts({ limit: 1000, ...cursor }));
  const policies = await client.spaces.entries({ ...allPolicies, sessionId: headquarters });
  const books = {
    customers: await readCustomers(client),
    desk: await readDesk(client),
    policies: policyTable(policies),
    airline: done.toSorted(),
    heard: {
      messages: told['message.sent'],
      tasks: told['task.completed'],
      handoffs: told['handoff.accepted'],
    },
    recovery: {
      startsAfterKills: boots.items.filter(({ crashed }) => crashed).length,
      receiptsOfLoss: receipts.filter(({ dataLost }) => dataLost).length,
    },
  };
  return { books, calledAgain: again.length, starts: boots.total - 1, receipts };
}

async function readCustomers(client: Client): Promise<Record<string, CustomerBook>> {
  const customers: Record<string, CustomerBook> = {};
  const status: ShownStatus[] = ['active', 'idle', 'dormant', 'paused', 'terminated'];
  const sessions = await all((cursor) => client.sessions.list({ status, ...cursor }));
  for (const { sessionId } of sessions)
    if (sessionId !== deskId && sessionId !== headquarters)
      customers[sessionId] = await readCustomer(client, sessionId);
  return customers;
}

async function readCustomer(client: Client, sessionId: string): Promise<CustomerBook> {
  const messages = await all((cursor) => client.messages.list({ sessionId, ...cursor }));
  const handoffs = await all((cursor) => client.handoffs.list({ sessionId, ...cursor }));
  const { status } = await client.sessions.get({ sessionId });
  const { owner } = await client.handoffs.ownership({ sessionId });
  const keys = await client.memory.keys({ sessionId });
  const noted = keys.includes('policies') ? await client.memory.get({ sessionId, key: 'policies' }) : null;
  return {
    messages: messages.map((info) => canonicalText(fromMessageInfo(info))),
    tasks: await readTasks(client, sessionId),
    handoffs: handoffs.map(({ key, kind, status: state, acceptedBy, deliveredAt }) => ({
      ...{ key, kind, status: state, acceptedBy },
      isDelivered: deliveredAt !== null,
    })),
    status: status === 'terminated' ? 'terminated' : 'open',
    owner,
    policies: noted?.value ?? null,
  };
}

async function readTasks({ tasks }: Client, sessionId: string): Promise<Record<string, TaskBook>> {
  const found: Record<string, TaskBook> = {};
  const history = await all((cursor) => tasks.history({ sessionId, ...cursor }));
  for (const { taskId } of await all((cursor) => tasks.list({ sessionId, ...cursor }))) {
    const { title, agent, status, result } = await tasks.get({ sessionId, taskId });
    const ofTask = history.filter((entry) => entry.taskId === taskId && entry.type === 'task.completed');
    found[taskId] = { tool: title, agent, status, result, completions: ofTask.length };
  }
  return found;
}

/** The desk was told of each customer by one message, which carries what was preserved. */
async function readDesk(client: Client): Promise<Record<string, Json[]>> {
  const packages: Record<string, Json[]> = {};
  for (const { metadata } of await all((cursor) => client.messages.list({ sessionId: deskId, ...cursor }))) {
    const { preservedState } = metadata as { readonly preservedState: { readonly customer: string } };
    packages[preservedState.customer] = [...(packages[preservedState.customer] ?? []), preservedState];
  }
  return packages;
}

/** All pages of a list. */
async function all<Item>(
  read: (cursor: { readonly cursor?: string }) => Promise<Page<Item>>,
): Promise<Item[]> {
  const items: Item[] = [];
  for (let cursor: string | undefined, more = true; more; more = cursor !== undefined) {
    const page = await read(cursor === undefined ? {} : { cursor });
    items.push(...page.items);
    cursor = page.cursor;
  }
  return items;
}
