// The books of the day, in one shape twice: as the transcripts say they must be, and as the store says they are.
import type { Json } from 'holdfast';
import { canonicalText } from '../replay-transcripts/chat-message.ts';
import type { SessionScript } from '../replay-transcripts/session-script.ts';
import { keyOfCall } from './airline.ts';
import { type PolicyTable, policiesInTheEnd } from './policies.ts';
import { toolCallsOf } from './tool-calls.ts';
import { deskId } from './working-day.ts';

export interface CustomerBook {
  /** Each as a text that is the same for equal messages. */
  readonly messages: readonly string[];
  /** By the id of the task. */
  readonly tasks: Readonly<Record<string, TaskBook>>;
  readonly handoffs: readonly HandoffBook[];
  readonly status: 'open' | 'terminated';
  readonly owner: string | null;
  /** What the session knows of the policies in the end. */
  readonly policies: Json;
}

export interface TaskBook {
  readonly tool: string;
  readonly agent: string | null;
  readonly status: string;
  readonly result: Json;
  /** How often it was completed, by its history. */
  readonly completions: number;
}

interface HandoffBook {
  readonly key: string | null;
  readonly kind: string;
  readonly status: string;
  readonly acceptedBy: string | null;
  readonly isDelivered: boolean;
}

export interface Books {
  readonly customers: Readonly<Record<string, CustomerBook>>;
  /** The packages that arrived at the desk: by customer, what each of them preserved. */
  readonly desk: Readonly<Record<string, readonly Json[]>>;
  readonly policies: PolicyTable;
  /** The calls that the airline did. */
  readonly airline: readonly string[];
  /** What was heard of the events in all lives together. */
  readonly heard: { readonly messages: number; readonly tasks: number; readonly handoffs: number };
  readonly recovery: { readonly startsAfterKills: number; readonly receiptsOfLoss: number };
}

export function expectedBooks(scripts: readonly SessionScript[], kills: number): Books {
  const calls = scripts.map(({ transcript }) => toolCallsOf(transcript));
  const transfers = calls.flat().filter(({ isTransfer }) => isTransfer);
  return {
    customers: Object.fromEntries(scripts.map((script) => [script.sessionId, expectedCustomer(script)])),
    desk: Object.fromEntries(scripts.flatMap(expectedAtDesk)),
    policies: policiesInTheEnd,
    airline: scripts
      .flatMap(({ sessionId }, index) =>
        (calls[index] ?? []).map(({ taskId }) => keyOfCall(sessionId, taskId)),
      )
      .sort(),
    heard: {
      messages: scripts.reduce((sum, { transcript }) => sum + transcript.messages.length, 0),
      tasks: calls.flat().length,
      handoffs: transfers.length,
    },
    recovery: { startsAfterKills: kills, receiptsOfLoss: 0 },
  };
}

function expectedCustomer({ transcript }: SessionScript): CustomerBook {
  const calls = toolCallsOf(transcript);
  const transfers = calls.filter(({ isTransfer }) => isTransfer);
  return {
    messages: transcript.messages.map(canonicalText),
    tasks: Object.fromEntries(
      calls.map(({ taskId, tool, isTransfer, answer }) => {
        const agent = isTransfer ? 'concierge' : 'clerk';
        return [taskId, { tool, agent, status: 'completed', result: answer, completions: 1 }];
      }),
    ),
    handoffs: transfers.map(({ taskId }) => ({
      key: taskId,
      kind: 'full_handoff',
      status: 'completed',
      acceptedBy: deskId,
      isDelivered: true,
    })),
    status: transfers.length > 0 ? 'terminated' : 'open',
    owner: transfers.length > 0 ? deskId : null,
    policies: policiesInTheEnd,
  };
}

function expectedAtDesk({ sessionId, transcript }: SessionScript): [string, Json[]][] {
  const transfers = toolCallsOf(transcript).filter(({ isTransfer }) => isTransfer);
  const packages = transfers.map(({ taskId }) => ({ customer: sessionId, call: taskId }));
  return packages.length > 0 ? [[sessionId, packages]] : [];
}
