// Inputs that are taken at a glance: a few texts of known kinds and nothing else, as nearly all calls bring along. It says
// yes only where the schema would, with the same outcome; everything else is the schema's to judge.
import { z } from 'zod';
import { idPattern } from '../base/ids.ts';
import { messageRoles } from '../domain/session/session-events.ts';
import { messageFields, sessionId } from './schema.ts';

/** The input as its operation takes it, or undefined when the schema must be asked. */
export type Glance = (input: unknown) => object | undefined;

const roles: ReadonlySet<unknown> = new Set(messageRoles);

interface PlainMessage {
  readonly sessionId: unknown;
  readonly role: unknown;
  readonly content: unknown;
}

// Each names its members, which costs a fifth of going through a list of names.
function idAlone(input: object): object | undefined {
  const { sessionId: id } = input as Pick<PlainMessage, 'sessionId'>;
  if (typeof id !== 'string' || !idPattern.test(id) || Object.keys(input).length !== 1) return undefined;
  return { sessionId: id };
}

function plainMessage(input: object): object | undefined {
  const { sessionId: id, role, content } = input as PlainMessage;
  if (typeof content !== 'string' || !roles.has(role) || Object.keys(input).length !== 3) return undefined;
  return typeof id === 'string' && idPattern.test(id) ? { sessionId: id, role, content } : undefined;
}

/** The members of a schema that must be there, and what looks at inputs that have no others. */
const glances: readonly (readonly [members: object, look: (input: object) => object | undefined])[] = [
  [{ sessionId }, idAlone],
  [{ sessionId, role: messageFields.role, content: messageFields.content }, plainMessage],
];

/** The glance for the inputs of a schema; undefined where one of its members must be there and is none of these, or is filled in. */
export function glanceOf(schema: z.ZodType): Glance | undefined {
  if (!(schema instanceof z.ZodObject)) return undefined;
  const members: Readonly<Record<string, z.ZodType>> = schema.shape;
  const look = glances.find(([wanted]) => isMadeOf(members, wanted))?.[1];
  return look && ((input) => taken(look, input));
}

/** True when the schema has all that is wanted, and takes it without anything else. */
function isMadeOf(members: Readonly<Record<string, z.ZodType>>, wanted: object): boolean {
  const mayLack = ([name, member]: [string, z.ZodType]): boolean =>
    Object.hasOwn(wanted, name) ? Reflect.get(wanted, name) === member : isLeftOut(member);
  return (
    Object.keys(wanted).every((name) => Object.hasOwn(members, name)) &&
    Object.entries(members).every(mayLack)
  );
}

/** True for a member that may be missing and then is not in the outcome. */
function isLeftOut(member: z.ZodType): boolean {
  try {
    const without = member.safeParse(undefined);
    return without.success && without.data === undefined;
  } catch {
    return false;
  }
}

function taken(look: (input: object) => object | undefined, input: unknown): object | undefined {
  if (typeof input !== 'object' || input === null) return undefined;
  try {
    return Object.getPrototypeOf(input) === Object.prototype ? look(input) : undefined;
  } catch {
    // A getter or a proxy of the caller's has thrown: the refusal says so.
    return undefined;
  }
}
