// The operations on spaces. What a command needs of the past is read before it is sent: a version never changes.

import { HoldfastError } from '../../base/errors.ts';
import { assertId, idFromKey } from '../../base/ids.ts';
import {
  type PastValue,
  pastKey,
  type SpaceCommand,
  type SpaceWrite,
} from '../../domain/space/space-commands.ts';
import { isScopedSpaceId, scopeDurability, scopedSpaceId } from '../../domain/space/space-scopes.ts';
import type { Call, Handlers } from '../../operations/bind.ts';
import type { ParsedInputOf } from '../../operations/registry.ts';
import type { SpaceCreated } from '../../operations/views/space-views.ts';
import type { Acknowledged } from '../../operations/views/views.ts';
import type { SpaceContext } from './space-context.ts';
import { type SpaceQueryOperation, spaceQueryHandlers } from './space-query-handlers.ts';
import type { Taker } from './space-turns.ts';
import { readValue } from './space-versions.ts';

export type SpaceOperation =
  | SpaceQueryOperation
  | `spaces.${'create' | 'open' | 'destroy' | 'join' | 'leave'}`
  | `spaces.${'set' | 'delete' | 'patch' | 'increment' | 'add' | 'remove' | 'append'}`
  | `spaces.${'compareAndSwap' | 'transact' | 'rollback' | 'settle'}`;

interface Writer {
  readonly spaceId: string;
  readonly sessionId: string;
  readonly cause?: string | undefined;
}

export function spaceHandlers(context: SpaceContext): Handlers<SpaceOperation> {
  return {
    ...spaceQueryHandlers(context),
    ...lifeHandlers(context),
    ...writeHandlers(context),
  };
}

type LifeOperation = `spaces.${'create' | 'open' | 'destroy' | 'join' | 'leave'}`;

function lifeHandlers(context: SpaceContext): Handlers<LifeOperation> {
  return {
    'spaces.create': (input, call) => create(context, input, call),
    'spaces.open': (input, call) => open(context, input, call),
    'spaces.destroy': (input, call) => destroy(context, input, call),
    'spaces.join': (input, call) => context.turns.whole(input, () => join(context, input, call)),
    'spaces.leave': (input, call) => context.turns.whole(input, () => leave(context, input, call)),
  };
}

type WriteOperation = Exclude<SpaceOperation, SpaceQueryOperation | LifeOperation>;

function writeHandlers(context: SpaceContext): Handlers<WriteOperation> {
  const write = async <Answered>(
    writer: Writer,
    writes: readonly SpaceWrite[],
    call: Call,
    more: Partial<Pick<Extract<SpaceCommand, { type: 'space.write' }>, 'reads' | 'isTransaction'>> = {},
  ): Promise<Answered> => {
    const author = authorOf(writer, call);
    const commanded = async (): Promise<SpaceCommand> => {
      const based = await withBases(context, writer, writes);
      return { type: 'space.write', reads: [], isTransaction: false, ...author, writes: based, ...more };
    };
    return sendInTurn<Answered>(context, writer, commanded, call);
  };
  return {
    'spaces.set': ({ key, value, baseVersion, ...writer }, call) =>
      write(writer, [{ op: 'set', key, value, ...basedOn(baseVersion) }], call),
    'spaces.delete': ({ key, baseVersion, ...writer }, call) =>
      write(writer, [{ op: 'delete', key, ...basedOn(baseVersion) }], call),
    'spaces.patch': ({ key, patch, baseVersion, ...writer }, call) =>
      write(writer, [{ op: 'patch', key, patch, ...basedOn(baseVersion) }], call),
    'spaces.increment': ({ key, by, ...writer }, call) => write(writer, [{ op: 'increment', key, by }], call),
    'spaces.add': ({ key, values, ...writer }, call) => write(writer, [{ op: 'add', key, values }], call),
    'spaces.remove': ({ key, values, ...writer }, call) =>
      write(writer, [{ op: 'remove', key, values }], call),
    'spaces.append': ({ key, values, ...writer }, call) =>
      write(writer, [{ op: 'append', key, values }], call),
    'spaces.compareAndSwap': ({ key, value, version, ...writer }, call) => {
      const change = value === undefined ? { op: 'delete', key } : { op: 'set', key, value };
      return write(writer, [change as SpaceWrite], call, { reads: [{ key, version }] });
    },
    'spaces.transact': ({ reads, writes, ...writer }, call) => {
      const twice = writes.find(({ key }, i) => writes.findIndex((other) => other.key === key) < i);
      if (twice !== undefined) throw invalid('spaces.transact', 'writes', `${twice.key} is written twice`);
      const based = writes.map((one) => withoutUndefined(one) as SpaceWrite);
      return write(writer, based, call, { reads, isTransaction: true });
    },
    'spaces.rollback': (input, call) =>
      sendInTurn(context, input, () => rollbackOf(context, input, call), call),
    'spaces.settle': ({ spaceId, conflictId, take, value, version, ...writer }, call) => {
      if ((take === 'value') !== (value !== undefined))
        throw invalid('spaces.settle', 'value', 'give a value where it is to be taken, and nowhere else');
      const asWriter = { spaceId, ...writer };
      const given = withoutUndefined({ value, version });
      const author = authorOf(asWriter, call);
      const command = { type: 'space.settle', ...author, conflictId, take, ...given } as const;
      return sendInTurn(context, asWriter, async () => command, call);
    },
  };
}

const basedOn = (baseVersion: number | undefined): { readonly baseVersion?: number } =>
  baseVersion === undefined ? {} : { baseVersion };

function withoutUndefined<T extends object>(value: T): T {
  return Object.fromEntries(Object.entries(value).filter(([, member]) => member !== undefined)) as T;
}

/** Without a cause of its own a write is caused by what its call belongs to. */
const authorOf = (
  { sessionId, cause }: Writer,
  call: Call,
): { readonly by: string; readonly cause: string | null } => ({
  by: sessionId,
  cause: cause ?? call.correlation ?? null,
});

function invalid(operation: string, field: string, problem: string): HoldfastError {
  return new HoldfastError('INVALID_INPUT', { operation, field, problem });
}

/** Sends a command and answers with what it led to. */
function send<Answered>(
  { host }: SpaceContext,
  spaceId: string,
  command: SpaceCommand,
  call: Call,
): Promise<Answered> {
  return host.send(spaceId, command, call) as Promise<unknown> as Promise<Answered>;
}

/** Sends what is commanded in its turn, and answers with what it led to. */
function sendInTurn<Answered>(
  context: SpaceContext,
  taker: Taker,
  commanded: () => Promise<SpaceCommand>,
  call: Call,
): Promise<Answered> {
  return context.turns.sending(taker, async () => {
    const command = await commanded();
    return { answer: send<Answered>(context, taker.spaceId, command, call) };
  });
}

async function create(
  context: SpaceContext,
  {
    spaceId: given,
    sessionId,
    name,
    durability = context.durability,
    ...more
  }: ParsedInputOf<'spaces.create'>,
  call: Call,
): Promise<SpaceCreated> {
  const spaceId = assertId(given ?? newSpaceId(context, call));
  const command: SpaceCommand = {
    ...{ type: 'space.create', scope: 'named', owner: null, name: name ?? null },
    ...{ durability, ...more },
  };
  const commanded = async (): Promise<SpaceCommand> => {
    if (sessionId !== undefined) await mustExist(context, sessionId);
    if (!isScopedSpaceId(spaceId)) return command;
    const problem = 'such ids are those of spaces with an owner';
    throw new HoldfastError('INVALID_ID', { value: spaceId, problem });
  };
  return sendInTurn(context, { spaceId, sessionId }, commanded, call);
}

/** From the key, if there is one: a retry by the same session, or by whoever names none, finds the same space. */
function newSpaceId({ newId }: SpaceContext, { operationId, keyOf }: Call): string {
  if (operationId === undefined) return newId();
  return idFromKey(keyOf === undefined ? operationId : `${keyOf}/${operationId}`);
}

async function open(
  context: SpaceContext,
  { sessionId, scope, owner: given, ...more }: ParsedInputOf<'spaces.open'>,
  call: Call,
): Promise<SpaceCreated> {
  if (scope === 'session' && (given ?? sessionId) !== sessionId)
    throw invalid('spaces.open', 'owner', 'the space of a session is opened by that session alone');
  if (scope === 'user' && given === undefined) throw invalid('spaces.open', 'owner', 'name the user');
  const owner = given ?? (scope === 'app' ? 'app' : sessionId);
  const spaceId = scopedSpaceId(scope, owner);
  const durability = scopeDurability(scope);
  const commanded = async (): Promise<SpaceCommand> => {
    await mustExist(context, sessionId);
    // It goes with the session that it belongs to: what is temporary with the process at the latest.
    const isOwn = scope === 'session' || scope === 'temp';
    if (isOwn && owner === sessionId) await context.membership.note(sessionId, spaceId, 'owner');
    return { type: 'space.create', scope, owner, name: null, durability, ...more };
  };
  return sendInTurn(context, { spaceId, sessionId }, commanded, call);
}

/** Nobody joins what is destroyed: whoever was in it is noted for nothing more before another may come in its place. */
async function destroy(
  context: SpaceContext,
  { spaceId, reason }: ParsedInputOf<'spaces.destroy'>,
  call: Call,
): Promise<Acknowledged> {
  const { host, membership } = context;
  const { members, owner } = (await host.read(spaceId)).state;
  const answer = await send<Acknowledged>(context, spaceId, { type: 'space.delete', reason }, call);
  const noted = [...members.entries()].map(([sessionId]) => sessionId);
  await membership.forgetAll(owner === null ? noted : [...noted, owner], spaceId);
  await host.remove(spaceId);
  return answer;
}

async function mustExist({ membership }: SpaceContext, sessionId: string): Promise<void> {
  if (await membership.isGone(sessionId)) throw new HoldfastError('SESSION_NOT_FOUND', { sessionId });
}

async function join(
  context: SpaceContext,
  { spaceId, sessionId }: ParsedInputOf<'spaces.join'>,
  call: Call,
): Promise<Acknowledged> {
  const { host, membership } = context;
  await mustExist(context, sessionId);
  const { state } = await host.read(spaceId);
  if (state.status === 'open' && state.scope === 'named') await membership.note(sessionId, spaceId, 'member');
  const answer = await send<Acknowledged>(context, spaceId, { type: 'space.join', sessionId }, call);
  // Deleted meanwhile, it was looked for before it was here.
  if (await membership.isGone(sessionId)) {
    await host.send(spaceId, { type: 'space.leave', sessionId, reason: 'the session was deleted' });
    throw new HoldfastError('SESSION_NOT_FOUND', { sessionId });
  }
  return answer;
}

async function leave(
  context: SpaceContext,
  { spaceId, sessionId, reason }: ParsedInputOf<'spaces.leave'>,
  call: Call,
): Promise<Acknowledged> {
  const answer = await send<Acknowledged>(context, spaceId, { type: 'space.leave', sessionId, reason }, call);
  // What has an owner is not left, and goes with him all the same.
  if (!isScopedSpaceId(spaceId)) await context.membership.forget(sessionId, spaceId);
  return answer;
}

/** Every session may use the space of a user or of the application, if there is such a session. */
async function withBases(
  context: SpaceContext,
  { spaceId, sessionId }: Writer,
  writes: readonly SpaceWrite[],
): Promise<readonly SpaceWrite[]> {
  if (isScopedSpaceId(spaceId)) await mustExist(context, sessionId);
  if (writes.every(({ baseVersion }) => baseVersion === undefined)) return writes;
  const { state } = await context.host.read(spaceId);
  const bases = writes.map(async (write) => {
    const { key, baseVersion } = write;
    if (baseVersion === undefined || baseVersion === 0) return write;
    return { ...write, base: await readValue(context.journal, state, key, baseVersion) };
  });
  return Promise.all(bases);
}

async function rollbackOf(
  context: SpaceContext,
  { spaceId, key: given, version: to, ...writer }: ParsedInputOf<'spaces.rollback'>,
  call: Call,
): Promise<SpaceCommand> {
  const { state } = await context.host.read(spaceId);
  const key = given ?? null;
  const values = new Map<string, PastValue>();
  const entry = key === null ? undefined : state.entries.get(key);
  const chosen =
    key === null ? [...state.entries.entries()] : entry === undefined ? [] : [[key, entry] as const];
  for (const [name, { versions }] of chosen) {
    const version = versions.findLast((kept) => kept <= to);
    const past = version === undefined ? undefined : await readValue(context.journal, state, name, version);
    if (version !== undefined && past !== undefined) values.set(pastKey(name, version), past);
  }
  const author = authorOf({ spaceId, ...writer }, call);
  return { type: 'space.rollback', ...author, key, to, values };
}
