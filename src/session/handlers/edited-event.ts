// The payload that is to stand for a recorded one: of the same members and kinds, and of values that a command could have led to.
import { HoldfastError } from '../../base/errors.ts';
import type { Json } from '../../base/json.ts';
import type { SessionEventType } from '../../domain/session/session-events.ts';
import type { StoredEvent } from '../../journal/journal.ts';
import type { Operation } from '../../operations/operation.ts';
import { operations } from '../../operations/registry.ts';

type Schema = Operation['input'];
type Members = Readonly<Record<string, Schema>>;

/** What the members of an event may be, where an operation brings them along under the same names. */
const given: Readonly<Partial<Record<string, Members>>> = {
  'session.created': operations['sessions.create'].input.shape,
  'session.configured': operations['sessions.configure'].input.shape,
  'message.sent': operations['messages.send'].input.shape,
  'message.pinned': operations['messages.get'].input.shape,
  'message.unpinned': operations['messages.get'].input.shape,
  'file.added': operations['files.add'].input.shape,
  'file.removed': operations['files.remove'].input.shape,
  'file.indexed': operations['files.index'].input.shape,
  'memory.updated': operations['memory.set'].input.shape,
  'memory.deleted': operations['memory.delete'].input.shape,
  'agent.started': operations['agents.start'].input.shape,
} satisfies Partial<Record<SessionEventType, Members>>;

/** @throws HoldfastError `INVALID_INPUT` with the place of the first member that is not as it must be. */
export function editedData({ type, data: found }: Pick<StoredEvent, 'type' | 'data'>, data?: Json): Json {
  if (data === undefined) throw notGood('data', 'an edit needs the payload that stands for the recorded one');
  if (found === undefined) throw notGood('seq', 'its payload was erased, and is not brought back');
  const [recorded, edited] = [
    new Map(Object.entries(found as object)),
    new Map(Object.entries(data as object)),
  ];
  for (const [member, before] of recorded)
    if (kindOf(edited.get(member)) !== kindOf(before))
      throw notGood(`data.${member}`, `it is ${kindOf(before)} in the record`);
  for (const [member, now] of edited) {
    if (!recorded.has(member)) throw notGood(`data.${member}`, 'the record has no such member');
    const schema = given[type]?.[member];
    if (schema !== undefined) assertGiven(`data.${member}`, now, schema);
    // What an agent or a step has returned is anybody's.
    else if (member !== 'result') assertCount(`data.${member}`, recorded.get(member), now);
  }
  return data;
}

/** What was not given stands as null in the record. */
function assertGiven(place: string, now: unknown, schema: Schema): void {
  const [issue] = now === null ? [] : (schema.safeParse(now).error?.issues ?? []);
  if (issue !== undefined) throw notGood([place, ...issue.path].join('.'), issue.message);
}

/** The house's own numbers count something, or say when or how long: none is below zero, and what was whole stays whole. */
function assertCount(place: string, before: unknown, now: unknown): void {
  if (typeof now !== 'number') return;
  if (now < 0) throw notGood(place, 'it cannot be below zero');
  if (Number.isSafeInteger(before) && !Number.isSafeInteger(now))
    throw notGood(place, 'it is a whole number in the record');
}

function kindOf(value: unknown): string {
  if (value === null) return 'null';
  return Array.isArray(value) ? 'an array' : typeof value;
}

export const notGood = (field: string, problem: string): HoldfastError =>
  new HoldfastError('INVALID_INPUT', { operation: 'recovery.park', field, problem });
