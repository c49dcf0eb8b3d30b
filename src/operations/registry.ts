// All operations, declared once. A room exports the handlers, system.ts binds them.
import { z } from 'zod';
import { durabilities } from '../base/durability.ts';
import { idPattern, idRule } from '../base/ids.ts';
import type { Json } from '../base/json.ts';
import { agentStatuses, restartTypes } from '../domain/agent/agent-runs.ts';
import { eventTypes } from '../domain/event-vocabulary.ts';
import { conditionKinds } from '../domain/recovery/condition-law.ts';
import { type BuiltContext, contextSections } from '../domain/session/built-context.ts';
import { messageRoles } from '../domain/session/session-events.ts';
import { sessionStatuses } from '../domain/session/session-lifecycle.ts';
import { analysisOperations } from './declared/analysis-operations.ts';
import { budget, budgetOperations } from './declared/budget-operations.ts';
import { cacheOperations } from './declared/cache-operations.ts';
import { erasureOperations } from './declared/erasure-operations.ts';
import { forkOperations } from './declared/fork-operations.ts';
import { handoffOperations } from './declared/handoff-operations.ts';
import { integrityOperations } from './declared/integrity-operations.ts';
import { lockOperations } from './declared/lock-operations.ts';
import { mailOperations } from './declared/mail-operations.ts';
import { memoryOperations } from './declared/memory-operations.ts';
import { parkedOperations } from './declared/parked-operations.ts';
import { permitOperations } from './declared/permit-operations.ts';
import { recoveryOperations } from './declared/recovery-operations.ts';
import { rosterOperations } from './declared/roster-operations.ts';
import { signalOperations } from './declared/signal-operations.ts';
import { spaceOperations } from './declared/space-operations.ts';
import { summaryOperations } from './declared/summary-operations.ts';
import { taskOperations } from './declared/task-operations.ts';
import { link, treeBudget, treeOperations } from './declared/tree-operations.ts';
import { type Operation, read, write } from './operation.ts';
import { cursor, json, jsonObject, messageFields, pageLimit, reason, seq, sessionId } from './schema.ts';
import { configChanges } from './session-config-schema.ts';
import type {
  Acknowledged,
  AgentDetails,
  AgentInfo,
  BackupInfo,
  ConditionInfo,
  ContextEntry,
  DeliveredEvent,
  ExportPage,
  FileInfo,
  Imported,
  IndexedFileInfo,
  MessageInfo,
  Page,
  ProjectionInfo,
  Repeatable,
  SavedInfo,
  SessionCounts,
  SessionDetails,
  SessionInfo,
  StatusAcknowledged,
  StorageScrub,
  StorageStatus,
} from './views/views.ts';

const name = z.string().min(1).max(200);
const path = z.string().min(1).max(4096);
const key = z.string().min(1).max(512);
const one = z.strictObject({ sessionId });
const because = z.strictObject({ sessionId, reason: reason.default('requested') });
const runId = z.string().regex(idPattern, idRule);
const run = z.strictObject({ sessionId, runId });
const at = seq.optional();
const past = z.strictObject({ sessionId, at });

const knownTypes: ReadonlySet<string> = new Set(eventTypes);
const eventType = z.string().refine((type) => knownTypes.has(type), 'there is no such type of event');
const memberPath = z
  .string()
  .max(512)
  .regex(/^[^.]+(\.[^.]+)*$/, 'give names of members with dots between them');

const profile = {
  name: name.optional(),
  agent: name.optional(),
  metadata: jsonObject.optional(),
  llmConfig: jsonObject.optional(),
  config: configChanges.optional(),
};

export const operations = {
  'sessions.create': write<Acknowledged & { sessionId: string }>()(
    'Opens a session under a new id, or under the one given.',
    z.strictObject({
      sessionId: sessionId.optional(),
      parentSessionId: sessionId.optional(),
      link: link.optional(),
      treeBudget: treeBudget.optional(),
      ...profile,
      durability: z.enum(durabilities).optional(),
    }),
  ),
  'sessions.get': read<SessionDetails>()(
    'All that is known of one session, now or as it was at a seq.',
    past,
  ),
  'sessions.list': read<Page<SessionInfo>>()(
    'Sessions by filter, a page at a time; without a status filter those that are open.',
    z.strictObject({
      status: z
        .array(z.enum([...sessionStatuses, ...conditionKinds]))
        .min(1)
        .optional(),
      name: z.string().max(200).optional(),
      agent: name.optional(),
      parentSessionId: sessionId.optional(),
      createdAfter: z.number().optional(),
      createdBefore: z.number().optional(),
      search: z.string().min(1).max(200).optional(),
      sort: z.enum(['createdAt', 'updatedAt', 'name']).default('createdAt'),
      limit: pageLimit,
      cursor: cursor.optional(),
    }),
  ),
  'sessions.count': read<SessionCounts>()(
    'How many sessions there are by status, of all or of an agent or parent.',
    z.strictObject({ agent: name.optional(), parentSessionId: sessionId.optional() }),
  ),
  'sessions.configure': write<Acknowledged>()(
    'Changes name, agent, metadata, model configuration or numbers of a session; what is not named stays.',
    z.strictObject({ sessionId, ...profile }),
  ),
  'sessions.pause': write<StatusAcknowledged>()(
    'Stops a session from taking content until it is resumed.',
    because,
  ),
  'sessions.resume': write<StatusAcknowledged>()('Makes a session active again.', because),
  'sessions.hibernate': write<StatusAcknowledged>()(
    'Takes a session out of memory until a command wakes it.',
    because,
  ),
  'sessions.wake': write<StatusAcknowledged>()('Wakes a dormant or idle session.', because),
  'sessions.terminate': write<StatusAcknowledged>()(
    'Ends a session; with cleanup its stored data is deleted too. Ending it again succeeds.',
    z.strictObject({ sessionId, reason: reason.default('requested'), cleanup: z.boolean().default(false) }),
  ),
  'sessions.archive': write<StatusAcknowledged>()(
    'Files a terminated session away; it can still be read.',
    because,
  ),
  'sessions.delete': write<StatusAcknowledged>()(
    'Deletes a terminated session; nothing but its id is left.',
    because,
  ),
  'sessions.retry': write<Acknowledged & { readonly condition: ConditionInfo['condition'] | null }>()(
    'Brings a quarantined session back; its agents go on, or are stopped.',
    z.strictObject({ sessionId, agents: z.enum(['resume', 'stop']).default('resume') }),
  ),
  'sessions.conditions': read<readonly ConditionInfo[]>()(
    'The sessions that are recovering or quarantined, and why; oldest first.',
    z.strictObject({ condition: z.enum(conditionKinds).optional() }),
  ),
  'sessions.save': write<SavedInfo & Repeatable>()(
    'Keeps a copy of a session that `sessions.restore` brings back.',
    one,
  ),
  'sessions.restore': write<Acknowledged & { sessionId: string; messages: number }>()(
    'Brings a saved session back under its id, with all that it held when it was saved.',
    one,
  ),
  'sessions.listSaved': read<readonly SavedInfo[]>()('The saved sessions, sorted by id.', z.strictObject({})),
  'sessions.deleteSaved': write<Repeatable & { readonly sessionId: string }>()(
    'Forgets a saved session.',
    one,
  ),
  'sessions.buildContext': read<BuiltContext>()(
    'The context for a model: chosen sections, cut to a token budget, saying what was left out.',
    z.strictObject({
      sessionId,
      at,
      include: z.array(z.enum(contextSections)).default([...contextSections]),
      maxMessages: z.number().int().min(0).optional(),
      maxFiles: z.number().int().min(0).optional(),
      tokenBudget: z.number().int().min(1).optional(),
    }),
  ),
  'sessions.entries': read<Page<ContextEntry>>()(
    'Messages, files and tool calls of a session in one gap-free numbering.',
    z.strictObject({ sessionId, at, limit: pageLimit, cursor: cursor.optional() }),
  ),
  'messages.send': write<Acknowledged & { entry: number; messages: number }>()(
    'Adds a message to the conversation; an idle or dormant session is woken by it.',
    z.strictObject({ sessionId, ...messageFields }),
  ),
  'messages.list': read<Page<MessageInfo>>()(
    'The conversation, oldest first unless asked otherwise, a page at a time.',
    z.strictObject({
      sessionId,
      at,
      limit: pageLimit,
      cursor: cursor.optional(),
      newestFirst: z.boolean().default(false),
    }),
  ),
  'messages.get': read<MessageInfo>()('One message by its seq.', z.strictObject({ sessionId, at, seq })),
  'messages.clear': write<Acknowledged & { messages: number }>()(
    'Empties the conversation; its events stay in the journal.',
    one,
  ),
  'messages.pin': write<Acknowledged>()(
    'Keeps a message in every built context.',
    z.strictObject({ sessionId, seq }),
  ),
  'messages.unpin': write<Acknowledged>()(
    'Lets a message go with the others.',
    z.strictObject({ sessionId, seq }),
  ),
  'files.add': write<Acknowledged & { entry?: number }>()(
    'Adds an active file; one that is there only has its metadata merged.',
    z.strictObject({
      sessionId,
      path,
      metadata: jsonObject.optional(),
      processingMs: z.number().min(0).optional(),
    }),
  ),
  'files.remove': write<Acknowledged>()(
    'Removes a file from the list and from the index.',
    z.strictObject({ sessionId, path }),
  ),
  'files.list': read<readonly FileInfo[]>()('The active files in the order in which they were added.', past),
  'files.index': write<Acknowledged>()(
    'Merges metadata into what is known of a file.',
    z.strictObject({ sessionId, path, metadata: jsonObject }),
  ),
  'files.listIndex': read<readonly IndexedFileInfo[]>()(
    'What is known of files, in the order of the last change.',
    past,
  ),
  'memory.set': write<Acknowledged>()(
    'Sets a key of the working context.',
    z.strictObject({ sessionId, key, value: json }),
  ),
  'memory.get': read<{ readonly key: string; readonly value: Json }>()(
    'The value of a key.',
    z.strictObject({ sessionId, at, key }),
  ),
  'memory.delete': write<Acknowledged>()('Deletes a key.', z.strictObject({ sessionId, key })),
  'memory.keys': read<readonly string[]>()('The keys, newest first.', past),
  'agents.start': write<Acknowledged & { readonly runId: string }>()(
    'Starts a registered agent in a session. It runs under supervision until it has a result, also after crashes.',
    z.strictObject({
      sessionId,
      agent: name,
      input: json.default(null),
      role: name.optional(),
      restart: z.enum(restartTypes).default('transient'),
      timeoutMs: z.number().int().min(1).max(Number.MAX_SAFE_INTEGER).optional(),
      budget: budget.optional(),
    }),
  ),
  'agents.stop': write<Acknowledged & { readonly status: AgentInfo['status'] }>()(
    'Ends a run: it can commit nothing any more. Answered when it has ended, or was abandoned after its grace.',
    z.strictObject({ sessionId, runId, reason: reason.default('requested') }),
  ),
  'agents.get': read<AgentDetails>()(
    'One run with its input, and its result or error once it has ended.',
    run,
  ),
  'agents.wait': read<AgentDetails>()(
    'Waits until a run has ended, and answers with what became of it; refused once its session is quarantined.',
    run,
  ),
  'agents.list': read<readonly AgentInfo[]>()(
    'The open runs of a session in the order of their start, then the newest that ended; by role, name or status.',
    z.strictObject({
      sessionId,
      role: name.optional(),
      agent: name.optional(),
      status: z.array(z.enum(agentStatuses)).min(1).optional(),
    }),
  ),
  'events.publish': write<Partial<Acknowledged>>()(
    'Publishes an event of the catalogue to the session; transient kinds are not journaled and answer without a seq.',
    z.strictObject({ sessionId, type: z.string().max(128), data: jsonObject.default({}) }),
  ),
  'events.list': read<Page<DeliveredEvent>>()(
    'The journaled events of a session, oldest first.',
    z.strictObject({ sessionId, limit: pageLimit, cursor: cursor.optional(), since: z.number().optional() }),
  ),
  ...budgetOperations,
  ...signalOperations,
  ...permitOperations,
  ...treeOperations,
  ...mailOperations,
  ...integrityOperations,
  ...forkOperations,
  ...recoveryOperations,
  ...parkedOperations,
  ...erasureOperations,
  ...cacheOperations,
  ...taskOperations,
  ...spaceOperations,
  ...memoryOperations,
  ...analysisOperations,
  ...summaryOperations,
  ...handoffOperations,
  ...lockOperations,
  ...rosterOperations,
  'projections.list': read<readonly ProjectionInfo[]>()(
    'The read models: how far each has come, and how many rows it has.',
    z.strictObject({}),
  ),
  'projections.rebuild': write<ProjectionInfo & Repeatable>()(
    'Makes a read model anew from the journal; until that is done the old one answers.',
    z.strictObject({ name: z.string().min(1).max(200) }),
  ),
  'storage.status': read<StorageStatus>()(
    'How the storage is: its health, the space that is left, what waits for the disk, and the last scrub.',
    z.strictObject({}),
  ),
  'storage.scrub': write<StorageScrub>()(
    'Reads all that is stored and checks it, now; a second call joins the first.',
    z.strictObject({}),
  ),
  'sessions.export': read<ExportPage>()(
    'A session as text, a page at a time: a capsule of its records that proves itself, or its content as JSON.',
    z.strictObject({
      sessionId,
      format: z.enum(['capsule', 'json']).default('capsule'),
      redact: z
        .strictObject({
          payloads: z.literal('all').optional(),
          roles: z.array(z.enum(messageRoles)).min(1).optional(),
          types: z.array(eventType).min(1).max(100).optional(),
          paths: z.array(memberPath).min(1).max(100).optional(),
        })
        .optional(),
      cursor: cursor.optional(),
    }),
  ),
  'sessions.upload': write<{ readonly uploadId: string; readonly characters: number }>()(
    'Takes a piece of a text that `sessions.import` is to read; the pieces of one upload in their order.',
    z.strictObject({ uploadId: z.string().regex(idPattern, idRule).optional(), text: z.string() }),
  ),
  'sessions.import': write<Imported>()(
    'Brings back an exported session: with its records under its own id, as a new life under another.',
    z.strictObject({
      text: z.string().optional(),
      uploadId: z.string().regex(idPattern, idRule).optional(),
      as: sessionId.optional(),
      overwrite: z.boolean().default(false),
      agents: z.enum(['stop', 'resume']).default('stop'),
    }),
  ),
  'backups.create': write<BackupInfo & Repeatable>()(
    'Copies the whole store while it is in use, and proves the copy. It holds all that was answered before the call.',
    z.strictObject({ note: z.string().max(1000).optional() }),
  ),
  'backups.list': read<readonly BackupInfo[]>()('The backups, oldest first.', z.strictObject({})),
  'backups.verify': write<BackupInfo & Repeatable>()(
    'Restores a backup to a scratch place and reads every stream; one that does not hold is set aside.',
    z.strictObject({ backupId: z.string().max(64) }),
  ),
  'backups.delete': write<Repeatable & { readonly backupId: string }>()(
    'Deletes a backup.',
    z.strictObject({ backupId: z.string().max(64) }),
  ),
} as const satisfies Record<string, Operation>;

export type OperationName = keyof typeof operations;
export type InputOf<Name extends OperationName> = z.input<(typeof operations)[Name]['input']>;
export type ParsedInputOf<Name extends OperationName> = z.output<(typeof operations)[Name]['input']>;
export type OutputOf<Name extends OperationName> =
  (typeof operations)[Name] extends Operation<z.ZodType, infer Output> ? Output : never;
