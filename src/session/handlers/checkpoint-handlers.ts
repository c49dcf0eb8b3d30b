// Operations on checkpoints, and going back to one: what a session was is read and judged here, what follows is the law's.
import { HoldfastError } from '../../base/errors.ts';
import { sha256 } from '../../base/hash.ts';
import { byteLength, type Json } from '../../base/json.ts';
import { type Checkpoint, findCheckpoint } from '../../domain/session/checkpoints.ts';
import { maxHidden } from '../../domain/session/conversation.ts';
import type { SessionCommand } from '../../domain/session/session-commands.ts';
import { sessionLaw, sessionStream } from '../../domain/session/session-law.ts';
import { contextOf, type SessionState, statusOf } from '../../domain/session/session-state.ts';
import { knewErased, MissingPayloads } from '../../entity/missing-payloads.ts';
import type { Journal } from '../../journal/journal.ts';
import type { Call, Handlers } from '../../operations/bind.ts';
import type { OutputOf, ParsedInputOf } from '../../operations/registry.ts';
import type { CheckpointDetails, CheckpointInfo } from '../../operations/views/integrity-views.ts';
import type { Page } from '../../operations/views/views.ts';
import { page, seqFrom } from './content-handlers.ts';
import {
  answeredBefore,
  isAnswered,
  type ReadingContext,
  sendCommand,
  sendPrepared,
} from './handler-context.ts';
import { readForwards } from './reading.ts';

export type CheckpointOperation = `checkpoints.${'create' | 'list' | 'get' | 'delete'}` | 'sessions.rollback';

/** It is kept in the state of its session, as long as the checkpoint is. */
const maxMetadataBytes = 4_096;

const noMetadata: Json = Object.freeze({});

export function checkpointHandlers(context: ReadingContext): Handlers<CheckpointOperation> {
  const { manager, journal } = context;
  const find = async (sessionId: string, checkpointId: string): Promise<Checkpoint> =>
    checkpointOf((await manager.read(sessionId)).state, checkpointId);
  return {
    'checkpoints.create': async (
      { sessionId, name = null, description = null, metadata = noMetadata },
      call,
    ) => {
      assertSmall(metadata);
      const command = { type: 'checkpoint.create', reason: 'manual', name, description, metadata } as const;
      return sendCommand(context, sessionId, command, call);
    },
    'checkpoints.list': async (input) => listCheckpoints((await manager.read(input.sessionId)).state, input),
    'checkpoints.get': async ({ sessionId, checkpointId }): Promise<CheckpointDetails> => {
      const checkpoint = await find(sessionId, checkpointId);
      const { chain = '' } = await journal.readFrom(sessionStream(sessionId), checkpoint.seq - 1, {
        limit: 1,
      });
      return { ...infoOf(checkpoint), hash: chain };
    },
    'checkpoints.delete': ({ sessionId, checkpointId }, call) =>
      sendCommand(context, sessionId, { type: 'checkpoint.delete', checkpointId }, call),
    'sessions.rollback': (input, call) => rollBack(context, input, call),
  };
}

function assertSmall(metadata: Json): void {
  const size = byteLength(JSON.stringify(metadata));
  if (size <= maxMetadataBytes) return;
  throw new HoldfastError('TOO_LARGE', { what: 'metadata of a checkpoint', size, limit: maxMetadataBytes });
}

function listCheckpoints(
  { checkpoints: { list } }: SessionState,
  { cursor, limit }: ParsedInputOf<'checkpoints.list'>,
): Page<CheckpointInfo> {
  const after = cursor === undefined ? 0 : seqFrom(cursor);
  const found = list.filter(({ seq }) => seq > after);
  return page(found.slice(0, limit).map(infoOf), found.length > limit ? found[limit - 1]?.seq : undefined);
}

const infoOf = (checkpoint: Checkpoint): CheckpointInfo => ({ ...checkpoint, version: checkpoint.seq - 1 });

function checkpointOf({ sessionId, checkpoints }: SessionState, checkpointId: string): Checkpoint {
  const checkpoint = findCheckpoint(checkpoints, checkpointId);
  if (checkpoint === undefined) throw new HoldfastError('CHECKPOINT_NOT_FOUND', { sessionId, checkpointId });
  return checkpoint;
}

function rollBack(
  context: ReadingContext,
  input: ParsedInputOf<'sessions.rollback'>,
  call: Call,
): Promise<OutputOf<'sessions.rollback'>> {
  const { sessionId, checkpointId, seq } = input;
  if ((checkpointId === undefined) === (seq === undefined))
    throw notGoodFor('seq', 'name a checkpointId or a seq, and not both');
  const prepared = async (): Promise<SessionCommand> =>
    (await isAnswered(context, sessionStream(sessionId), call))
      ? answeredBefore
      : targetOf(context, input, call);
  return sendPrepared(context, sessionId, prepared, call);
}

/** The version that is gone back to, read again from the journal, and held against the checkpoint that names it. */
async function targetOf(
  { manager, past, journal }: ReadingContext,
  { sessionId, checkpointId, seq, ignoreCorruption, reason }: ParsedInputOf<'sessions.rollback'>,
  { signal }: Call,
): Promise<SessionCommand> {
  const now = await manager.read(sessionId);
  const named = checkpointId === undefined ? undefined : checkpointOf(now.state, checkpointId);
  const to = named === undefined ? (seq as number) : named.seq - 1;
  if (to > now.seq) throw notGoodFor('seq', `the newest event of the session is ${now.seq}`);
  const { state: then } = await past.read(sessionId, to, 'sessions.rollback', signal);
  assertGoodTarget(then);
  const state = sessionLaw.encode(then);
  const stateHash = sha256(state);
  const ignoredMismatch =
    named === undefined || named.stateHash === stateHash
      ? null
      : { expected: named.stateHash, found: stateHash };
  if (ignoredMismatch !== null && !ignoreCorruption && !(await isErased(journal, sessionId, to)))
    throw new HoldfastError('CHECKPOINT_MISMATCH', {
      sessionId,
      checkpointId,
      version: to,
      ...ignoredMismatch,
    });
  const target = { to, checkpointId: checkpointId ?? null, reason, state, stateHash, ignoredMismatch };
  return { type: 'session.rollback', ...target };
}

/** True when the version knew something that was erased since: it is made again from what is left. */
async function isErased(journal: Journal, sessionId: string, version: number): Promise<boolean> {
  const missing = new MissingPayloads();
  await readForwards(journal, sessionId, { after: version }, Number.POSITIVE_INFINITY, (event) => {
    missing.see(event);
    return undefined;
  });
  return knewErased(missing.erasures, version);
}

function assertGoodTarget(then: SessionState): void {
  const { sessionId, conversation } = then;
  if (statusOf(then) === 'initializing' || contextOf(then).createdAt === null)
    throw notGoodFor('seq', 'the session was not open then');
  const size = conversation.hidden.length;
  if (size >= maxHidden)
    throw new HoldfastError('AT_CAPACITY', { what: 'list of rollbacks', sessionId, size, limit: maxHidden });
}

const notGoodFor = (field: string, problem: string): HoldfastError =>
  new HoldfastError('INVALID_INPUT', { operation: 'sessions.rollback', field, problem });
