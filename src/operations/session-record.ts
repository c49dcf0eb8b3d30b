// A saved session as one portable record: versioned, with ISO dates, and checked field by field when it comes back.
import { z } from 'zod';
import { HoldfastError } from '../base/errors.ts';
import { deepFreeze, type Json } from '../base/json.ts';
import { listFiles, listIndex } from '../domain/session/active-files.ts';
import type { NewMessage, RestoreSession } from '../domain/session/session-commands.ts';
import { defaultSessionConfig } from '../domain/session/session-config.ts';
import {
  type MessageEvent,
  messageRoles,
  type SessionProfile,
  type SessionTree,
} from '../domain/session/session-events.ts';
import { sessionStatuses } from '../domain/session/session-lifecycle.ts';
import { contextOf, type SessionState, statusOf } from '../domain/session/session-state.ts';
import { listItems } from '../domain/session/working-context.ts';
import { link, treeBudget } from './declared/tree-operations.ts';
import { refusalIn, tellingIssue } from './operation.ts';
import { json, jsonArray, jsonObject, sessionId } from './schema.ts';
import { configChanges } from './session-config-schema.ts';

const sessionRecordVersion = 1;

const date = z.iso.datetime().transform((text) => Date.parse(text));
const text = z.string().min(1);

const message = z.strictObject({
  at: date,
  role: z.enum(messageRoles),
  content: z.union([z.string(), z.null(), jsonArray]),
  toolCalls: jsonArray.optional(),
  toolCallId: text.optional(),
  name: text.optional(),
  metadata: json.optional(),
  pinned: z.boolean().optional(),
  processingMs: z.number().min(0).optional(),
  origin: z.strictObject({ sessionId, seq: z.number().int().min(1), at: z.number().optional() }).optional(),
});

const record = z.strictObject({
  format: z.literal('holdfast.session'),
  version: z.literal(sessionRecordVersion),
  sessionId,
  savedAt: date,
  savedSeq: z.number().int().min(0),
  status: z.enum(sessionStatuses),
  createdAt: date,
  updatedAt: date,
  messageCount: z.number().int().min(0),
  profile: z.strictObject({
    name: text.nullable(),
    agent: text.nullable(),
    metadata: jsonObject,
    llmConfig: jsonObject,
    config: configChanges.transform((config) => ({ ...defaultSessionConfig, ...config })),
    parentSessionId: sessionId.nullable(),
    durability: z.enum(['os', 'none']).optional(),
    tree: z.strictObject({ rootSessionId: sessionId, link, budget: treeBudget.optional() }).optional(),
  }),
  messages: z.array(message),
  files: z.array(z.tuple([text, z.number()])),
  fileIndex: z.array(z.tuple([text, json, z.number()])),
  memory: z.array(z.tuple([text, json])),
});

/** The record as it is stored and passed on: plain JSON. */
export type SessionRecord = z.input<typeof record>;

export function serializeSession(
  state: SessionState,
  messages: readonly MessageEvent[],
  savedAt: number,
  savedSeq: number,
): SessionRecord {
  const { createdAt, updatedAt } = contextOf(state);
  return {
    format: 'holdfast.session',
    version: sessionRecordVersion,
    sessionId: state.sessionId,
    savedAt: iso(savedAt),
    savedSeq,
    status: statusOf(state),
    createdAt: iso(createdAt ?? updatedAt),
    updatedAt: iso(updatedAt),
    messageCount: messages.length,
    profile: state.profile as SessionRecord['profile'],
    messages: messages.map(({ at, seq, data }) =>
      recordedMessage(at, data, state.conversation.kept.has(String(seq))),
    ),
    files: listFiles(state.files).map(({ path, addedAt }): [string, number] => [path, addedAt]),
    fileIndex: listIndex(state.files).map(({ path, metadata, lastAccessedAt }): [string, Json, number] => [
      path,
      metadata,
      lastAccessedAt,
    ]),
    memory: [...listItems(state.memory)].reverse().map(({ key, value }): [string, Json] => [key, value]),
  };
}

function recordedMessage(
  at: number,
  data: MessageEvent['data'],
  kept: boolean,
): SessionRecord['messages'][number] {
  const { entry: _entry, size: _size, pinned = false, content, toolCalls, ...rest } = data;
  return {
    ...rest,
    at: iso(at),
    content: content as SessionRecord['messages'][number]['content'],
    ...(toolCalls !== undefined && { toolCalls: [...toolCalls] }),
    // A system message stays without being pinned, so that being kept says nothing of its pin.
    ...((data.role === 'system' ? pinned : kept) && { pinned: true }),
  };
}

/** What `sessions.restore` commands, or `INVALID_FORMAT` naming the first field that is missing, empty or wrong. */
export function deserializeSession(stored: unknown): RestoreSession {
  const result = record.safeParse(stored);
  if (!result.success) {
    const [first] = result.error.issues;
    const issue = first && tellingIssue(first);
    const refusal = issue && refusalIn(issue);
    if (refusal !== undefined) throw refusal;
    const field = issue?.path.join('.') || 'the record';
    throw new HoldfastError('INVALID_FORMAT', { field, problem: issue?.message ?? 'is not valid' });
  }
  const { profile, messages, files, fileIndex, memory, savedAt, savedSeq, createdAt, messageCount } =
    result.data;
  if (messageCount !== messages.length) {
    throw new HoldfastError('INVALID_FORMAT', {
      field: 'messageCount',
      problem: `is ${messageCount}, there are ${messages.length}`,
    });
  }
  return deepFreeze({
    type: 'session.restore',
    data: { savedAt, savedSeq, createdAt, profile: profileOf(profile), files, fileIndex, memory },
    messages: messages.map(({ at, ...data }) => ({ at, message: data as NewMessage })),
  });
}

/** A member that is absent is absent: undefined is not JSON. */
function profileOf({ durability, tree, ...profile }: z.output<typeof record>['profile']): SessionProfile {
  return {
    ...profile,
    ...(durability !== undefined && { durability }),
    ...(tree !== undefined && { tree: treeOf(tree) }),
  };
}

function treeOf({ budget, ...place }: NonNullable<z.output<typeof record>['profile']['tree']>): SessionTree {
  return budget === undefined ? place : { ...place, budget };
}

const iso = (at: number): string => new Date(at).toISOString();
