// One customer, from the first word to the last. Every life of the process goes on at the last message that is there: each write has a
// key, and what was done before is answered from the record.
import type { Client, Json } from 'holdfast';
import type { Command, SessionScript } from '../replay-transcripts/session-script.ts';
import { type CallInput, type Ring, ring } from './agents.ts';
import { allPolicies, hearOfChange, joinPolicies, policyTable } from './policies.ts';
import { type ToolCall, toolCallsOf } from './tool-calls.ts';

export interface Desk {
  readonly sessionId: string;
  readonly runId: string;
}

/** Called when so many more messages of customers are there for good. */
type OnSent = (count: number) => Promise<void>;

export async function serveCustomer(
  client: Client,
  script: SessionScript,
  desk: Desk,
  onSent: OnSent,
): Promise<void> {
  const { sessionId } = script;
  for (const command of script.commands)
    if (command.operation === 'sessions.create')
      await client.sessions.create({ ...command.input, agent: 'concierge' }, { idempotencyKey: command.key });
  await joinPolicies(client, sessionId);
  await talk(client, script, onSent);
  await noteLatestPolicies(client, sessionId);
  if (toolCallsOf(script.transcript).some(({ isTransfer }) => isTransfer))
    await passOn(client, sessionId, desk);
}

/** The messages of the transcript, in their order. A tool's answer is what the task that did the call has led to. */
async function talk(
  client: Client,
  { sessionId, commands, transcript }: SessionScript,
  onSent: OnSent,
): Promise<void> {
  const calls = toolCallsOf(transcript);
  const messages = commands.filter((command) => command.operation === 'messages.send');
  // The last one again: what follows from it may not have happened.
  const from = Math.max(0, (await client.sessions.get({ sessionId })).messages - 1);
  await onSent(from);
  for (const [place, command] of messages.entries()) {
    if (place < from) continue;
    const answered = calls.find(({ answeredAt }) => answeredAt === place);
    await say(client, command, answered && (await resultOf(client, sessionId, answered.taskId)));
    await onSent(1);
    const asked = calls.filter(({ askedAt }) => askedAt === place);
    if (asked.length > 0) await giveOut(client, sessionId, asked);
  }
}

type Say = Extract<Command, { readonly operation: 'messages.send' }>;

async function say({ messages }: Client, { input, key }: Say, result: Json | undefined): Promise<void> {
  const content = result as typeof input.content;
  await messages.send(result === undefined ? input : { ...input, content }, { idempotencyKey: key });
}

/** Each tool call is a task, worked off by the agent that can do it. */
async function giveOut({ tasks }: Client, sessionId: string, calls: readonly ToolCall[]): Promise<void> {
  const created = calls.map(({ taskId, tool, isTransfer, ...call }) => ({
    taskId,
    title: tool.slice(0, 200),
    agent: isTransfer ? 'concierge' : 'clerk',
    input: { tool, arguments: call.arguments } satisfies CallInput,
  }));
  const idempotencyKey = `${sessionId}/${created[0]?.taskId}`;
  await tasks.createMany({ sessionId, tasks: created }, { idempotencyKey });
}

/** Whoever waits for a task listens first and looks then: nothing falls between. */
async function resultOf({ events, tasks }: Client, sessionId: string, taskId: string): Promise<Json> {
  const types = ['task.completed', 'task.failed'] as const;
  await using endings = events.stream({ sessionId, types, after: 'now' });
  for (;;) {
    const { status, result, error } = await tasks.get({ sessionId, taskId });
    if (status === 'completed') return result;
    if (status === 'failed') throw new Error(`${taskId} of ${sessionId} has failed: ${error?.message}`);
    await endings.next();
  }
}

/** Before the call ends, the customer is told what holds by now: the session keeps it. */
async function noteLatestPolicies(client: Client, sessionId: string): Promise<void> {
  await hearOfChange(client, sessionId);
  const value = policyTable(await client.spaces.entries({ ...allPolicies, sessionId }));
  await client.memory.set({ sessionId, key: 'policies', value }, { idempotencyKey: `${sessionId}/policies` });
}

/** All is said: the desk is told that somebody waits, and has taken the customer when the session has ended. */
async function passOn(client: Client, sessionId: string, desk: Desk): Promise<void> {
  const { offer } = await client.handoffs.ownership({ sessionId });
  if (offer !== null) {
    const payload = { handoffId: offer.handoffId } satisfies Ring;
    await client.agents.signal({ ...desk, name: ring, payload }, { idempotencyKey: offer.handoffId });
  }
  for await (const _ of client.events.stream({ sessionId, types: ['session.terminated'] })) return;
}
