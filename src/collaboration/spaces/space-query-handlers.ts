// Looking at spaces: what they are, who is in them, what they hold and held. Members read what is durable.
import { HoldfastError } from '../../base/errors.ts';
import { spaceStream } from '../../domain/space/space-law.ts';
import {
  liveEntries,
  mayUse,
  policyOf,
  type SpaceEntry,
  type SpaceState,
} from '../../domain/space/space-state.ts';
import type { Head } from '../../journal/journal.ts';
import type { Handlers } from '../../operations/bind.ts';
import { listCursor, placeIn } from '../../operations/list-cursor.ts';
import type { ParsedInputOf } from '../../operations/registry.ts';
import type {
  SpaceDetails,
  SpaceEntryInfo,
  SpaceInfo,
  SpaceMemberInfo,
} from '../../operations/views/space-views.ts';
import type { Page } from '../../operations/views/views.ts';
import type { SpaceContext } from './space-context.ts';
import { readHistory, verifyVersions } from './space-versions.ts';

export type SpaceQueryOperation =
  `spaces.${'info' | 'list' | 'members' | 'get' | 'entries' | 'history' | 'conflicts' | 'verify'}`;

interface Reader {
  readonly spaceId: string;
  readonly sessionId: string;
}

interface Opened {
  readonly state: SpaceState;
  readonly seq: number;
}

type Reading = Pick<SpaceContext, 'host'>;

/** Throws `SPACE_NOT_FOUND`. */
async function openSpace({ host }: Reading, spaceId: string): Promise<Opened> {
  const found = await host.read(spaceId);
  if (found.state.status !== 'open') throw new HoldfastError('SPACE_NOT_FOUND', { spaceId });
  return found;
}

/** Throws `NOT_A_MEMBER` too. */
export async function readableSpace(context: Reading, { spaceId, sessionId }: Reader): Promise<SpaceState> {
  const { state } = await openSpace(context, spaceId);
  if (!mayUse(state, sessionId)) throw new HoldfastError('NOT_A_MEMBER', { spaceId, sessionId });
  return state;
}

export function spaceQueryHandlers(context: SpaceContext): Handlers<SpaceQueryOperation> {
  const { journal } = context;
  return {
    'spaces.info': async ({ spaceId }) => detailsOf(await openSpace(context, spaceId)),
    'spaces.list': (input) => listSpaces(context, input),
    'spaces.members': async ({ spaceId, limit, cursor }) => {
      const { state } = await openSpace(context, spaceId);
      const all = [...state.members.entries()].sort(byName);
      return pageOf(
        'spaceMembers',
        all,
        { limit, cursor },
        ([sessionId, member]): SpaceMemberInfo => ({ sessionId, ...member }),
      );
    },
    'spaces.get': async ({ key, ...reader }) => {
      const state = await readableSpace(context, reader);
      return entryInfo(state, key, state.entries.get(key));
    },
    'spaces.entries': async ({ prefix, limit, cursor, ...reader }) => {
      const state = await readableSpace(context, reader);
      const chosen = liveEntries(state).filter(([key]) => key.startsWith(prefix));
      return pageOf('entries', chosen, { limit, cursor }, ([key, entry]) => entryInfo(state, key, entry));
    },
    'spaces.history': async ({ key, limit, ...reader }) =>
      readHistory(journal, await readableSpace(context, reader), key, limit),
    'spaces.conflicts': async ({ key, ...reader }) => {
      const { conflicts } = await readableSpace(context, reader);
      const chosen = key === undefined ? conflicts : conflicts.filter((conflict) => conflict.key === key);
      return chosen.map(({ bytes: _, ...conflict }) => conflict);
    },
    'spaces.verify': async ({ spaceId }) =>
      verifyVersions(journal, (await openSpace(context, spaceId)).state),
  };
}

const byName = ([a]: readonly [string, unknown], [b]: readonly [string, unknown]): number =>
  a < b ? -1 : a > b ? 1 : 0;

function detailsOf({ state, seq }: Opened): SpaceDetails {
  const { spaceId, name, scope, owner, createdAt, updatedAt, version, keys, bytes, members, conflicts } =
    state;
  const { durability, keptVersions, policies } = state;
  const info = { spaceId, name, scope, owner, createdAt, updatedAt, version, keys };
  const counts = { members: members.size, conflicts: conflicts.length };
  return { ...info, ...counts, durability, keptVersions, policies, bytes, seq };
}

function entryInfo(state: SpaceState, key: string, entry: SpaceEntry | undefined): SpaceEntryInfo {
  const policy = policyOf(state, key);
  if (entry?.value === undefined) return { key, version: 0, policy };
  const { value, version, at, by } = entry;
  return { key, value, version, policy, at, by };
}

/** A page behind the name that the cursor is. */
function pageOf<Item extends readonly [string, unknown], Shown>(
  list: 'entries' | 'spaceMembers',
  items: readonly Item[],
  { limit, cursor }: { readonly limit: number; readonly cursor: string | undefined },
  show: (item: Item) => Shown,
): Page<Shown> {
  const after = placeIn(list, cursor);
  const from = after === undefined ? 0 : items.findIndex(([name]) => name > after);
  const rest = from < 0 ? [] : items.slice(from);
  const page = rest.slice(0, limit);
  const last = page.at(-1)?.[0];
  const more = rest.length > limit && last !== undefined ? { cursor: listCursor(list, last) } : {};
  return { items: page.map(show), total: items.length, ...more };
}

async function listSpaces(
  { journal }: SpaceContext,
  { limit, cursor }: ParsedInputOf<'spaces.list'>,
): Promise<Page<SpaceInfo>> {
  const after = placeIn('spaces', cursor);
  const from = after === undefined ? {} : { after };
  const { heads, next } = await journal.list({ prefix: spaceStream(''), limit, ...from });
  const items = heads.filter(({ status }) => status === 'open').map(infoOf);
  return next === undefined ? { items } : { items, cursor: listCursor('spaces', next) };
}

function infoOf({ stream, updatedAt, summary }: Head): SpaceInfo {
  const spaceId = stream.slice(spaceStream('').length);
  return { spaceId, updatedAt, ...(summary as unknown as Omit<SpaceInfo, 'spaceId' | 'updatedAt'>) };
}
