// Shared context, for the registry. Whoever reads or writes does so as a session; what is asked without one is for operators.
import { z } from 'zod';
import { durabilities } from '../../base/durability.ts';
import { idPattern, idRule } from '../../base/ids.ts';
import { builtInPolicies, type MergePolicy } from '../../domain/space/merge-policies.ts';
import type { PolicyRule } from '../../domain/space/space-events.ts';
import { ownedScopes } from '../../domain/space/space-scopes.ts';
import { defaultKeptVersions } from '../../domain/space/space-state.ts';
import { type Operation, read, write } from '../operation.ts';
import { cursor, json, jsonArray, pageLimit, reason, sessionId } from '../schema.ts';
import type {
  SpaceConflictInfo,
  SpaceCreated,
  SpaceDetails,
  SpaceEntryInfo,
  SpaceInfo,
  SpaceMemberInfo,
  SpaceTransacted,
  SpaceVerdict,
  SpaceVersionInfo,
  SpaceWritten,
} from '../views/space-views.ts';
import type { Acknowledged, Page } from '../views/views.ts';

const spaceId = z.string().regex(idPattern, idRule);
const name = z.string().min(1).max(200);
const key = z.string().min(1).max(512);
const version = z.number().int().min(0);
const values = jsonArray;

const policy = z.custom<MergePolicy>(
  (value) =>
    typeof value === 'string' &&
    ((builtInPolicies as readonly string[]).includes(value) || /^custom:[A-Za-z0-9][\w-]{0,63}$/.test(value)),
  `give one of ${builtInPolicies.join(', ')}, or custom: and a name`,
);
const policies = z
  .array(z.union([z.strictObject({ key, policy }), z.strictObject({ prefix: z.string().max(512), policy })]))
  .max(100)
  .superRefine(eachOnce)
  .default([]);
const keptVersions = z.number().int().min(1).max(1000).default(defaultKeptVersions);

const one = { spaceId, sessionId };
const ofKey = { ...one, key };
const cause = z.string().min(1).max(1000).optional();
const asWriter = { ...ofKey, cause };
const baseVersion = version.optional();

const written = { key, baseVersion };
const change = z.discriminatedUnion('op', [
  z.strictObject({ op: z.literal('set'), ...written, value: json }),
  z.strictObject({ op: z.literal('delete'), ...written }),
  z.strictObject({ op: z.literal('patch'), ...written, patch: json }),
  z.strictObject({ op: z.literal('increment'), key, by: z.number().default(1) }),
  z.strictObject({ op: z.literal('add'), key, values }),
  z.strictObject({ op: z.literal('remove'), key, values }),
  z.strictObject({ op: z.literal('append'), key, values }),
]);

/** Of two rules for the same only one could be followed. */
function eachOnce(rules: readonly PolicyRule[], context: z.RefinementCtx): void {
  const places = rules.map((rule) => ('key' in rule ? `key ${rule.key}` : `prefix ${rule.prefix}`));
  const again = places.findIndex((place, i) => places.indexOf(place) < i);
  if (again === -1) return;
  const message = `the ${places[again]} has a policy already`;
  context.addIssue({ code: 'custom', path: [again], message });
}

export const spaceOperations = {
  'spaces.create': write<SpaceCreated>()(
    'Makes a space that sessions can join, with the merge policies of its keys.',
    z.strictObject({
      spaceId: spaceId.optional(),
      // In whose name it is made: the idempotency key is that of this session.
      sessionId: sessionId.optional(),
      name: name.optional(),
      durability: z.enum(durabilities).optional(),
      keptVersions,
      policies,
    }),
  ),
  'spaces.open': write<SpaceCreated>()(
    'The space of a session, of a user, of the application, or one that is gone with the process; made when it is not there.',
    z.strictObject({
      sessionId,
      scope: z.enum(ownedScopes),
      owner: z.string().min(1).max(512).optional(),
      keptVersions,
      policies,
    }),
  ),
  'spaces.destroy': write<Acknowledged>()(
    'Deletes a space with all that it holds.',
    z.strictObject({ spaceId, reason: reason.default('requested') }),
  ),
  'spaces.info': read<SpaceDetails>()('What a space is, without what it holds.', z.strictObject({ spaceId })),
  'spaces.list': read<Page<SpaceInfo>>()(
    'The spaces in the order of their ids, a page at a time.',
    z.strictObject({ limit: pageLimit, cursor: cursor.optional() }),
  ),
  'spaces.join': write<Acknowledged>()(
    'Makes a session a member: it may read, write and listen from then on.',
    z.strictObject(one),
  ),
  'spaces.leave': write<Acknowledged>()(
    'Ends the membership of a session. What it wrote stays.',
    z.strictObject({ ...one, reason: reason.default('requested') }),
  ),
  'spaces.members': read<Page<SpaceMemberInfo>>()(
    'The members of a space in the order of their ids, a page at a time.',
    z.strictObject({ spaceId, limit: pageLimit, cursor: cursor.optional() }),
  ),
  'spaces.get': read<SpaceEntryInfo>()('What a key holds, and its version.', z.strictObject(ofKey)),
  'spaces.entries': read<Page<SpaceEntryInfo>>()(
    'What a space holds, of all keys or of those with a prefix, a page at a time.',
    z.strictObject({
      ...one,
      prefix: z.string().max(512).default(''),
      limit: pageLimit,
      cursor: cursor.optional(),
    }),
  ),
  'spaces.set': write<SpaceWritten>()(
    'Sets a key. Based on a version that is not the newest it is merged by the policy of the key.',
    z.strictObject({ ...asWriter, value: json, baseVersion }),
  ),
  'spaces.delete': write<SpaceWritten>()(
    'Deletes a key; its versions are kept.',
    z.strictObject({ ...asWriter, baseVersion }),
  ),
  'spaces.patch': write<SpaceWritten>()(
    'Changes what a key holds by a JSON merge patch, as RFC 7396 has it.',
    z.strictObject({ ...asWriter, patch: json, baseVersion }),
  ),
  'spaces.increment': write<SpaceWritten & { readonly value?: number }>()(
    'Adds to the number that a key holds.',
    z.strictObject({ ...asWriter, by: z.number().default(1) }),
  ),
  'spaces.add': write<SpaceWritten>()(
    'Adds items to the set that a key holds.',
    z.strictObject({ ...asWriter, values }),
  ),
  'spaces.remove': write<SpaceWritten>()(
    'Takes items out of the set or list that a key holds.',
    z.strictObject({ ...asWriter, values }),
  ),
  'spaces.append': write<SpaceWritten>()(
    'Appends items to the list that a key holds.',
    z.strictObject({ ...asWriter, values }),
  ),
  'spaces.compareAndSwap': write<SpaceWritten>()(
    'Sets a key, or deletes it where no value is given, if it is at the version given: 0 for a key that holds nothing.',
    z.strictObject({ ...asWriter, version, value: json.optional() }),
  ),
  'spaces.transact': write<SpaceTransacted>()(
    'Writes several keys, all or none, if what was read is still so.',
    z.strictObject({
      ...one,
      cause,
      reads: z.array(z.strictObject({ key, version })).max(1000).default([]),
      writes: z.array(change).max(1000).default([]),
    }),
  ),
  'spaces.history': read<readonly SpaceVersionInfo[]>()(
    'The versions of a key that are kept, newest first.',
    z.strictObject({ ...ofKey, limit: z.number().int().min(1).max(1000).default(50) }),
  ),
  'spaces.rollback': write<Acknowledged & { readonly version: number; readonly keys: number }>()(
    'Sets a key, or all of them, to what they held at a version; nothing that came after is forgotten by it.',
    z.strictObject({ ...one, key: key.optional(), version, cause }),
  ),
  'spaces.conflicts': read<readonly SpaceConflictInfo[]>()(
    'What no policy settled, oldest first.',
    z.strictObject({ ...one, key: key.optional() }),
  ),
  'spaces.settle': write<SpaceWritten | (Acknowledged & { readonly outcome: 'mine' | 'theirs' | 'value' })>()(
    'Settles a conflict with either side or with a value of its own.',
    z.strictObject({
      ...one,
      conflictId: z.string().min(1).max(64),
      take: z.enum(['mine', 'theirs', 'value']),
      value: json.optional(),
      version: version.optional(),
      cause,
    }),
  ),
  'spaces.verify': read<SpaceVerdict>()(
    'Reads all versions that are kept, and compares them with the hashes under which they were written.',
    z.strictObject({ spaceId }),
  ),
} as const satisfies Record<string, Operation>;
