// Inputs that are taken at a glance: a few texts of known kinds and nothing else, as nearly all calls bring along. It says
// yes only where the schema would, with the same outcome; everything else is the schema's to judge.
import { z } from 'zod';
import { idPattern } from '../base/ids.ts';
import { messageRoles } from '../domain/session-events.ts';
import { messageFields, sessionId } from './schema.ts';

/** The input as its operation takes it, or undefined when the schema must be asked. */
export type Glance = (input: unknown) => object | undefined;

type Check = (value: unknown) => boolean;

const roles: ReadonlySet<unknown> = new Set(messageRoles);

const checks: ReadonlyMap<unknown, Check> = new Map<unknown, Check>([
  [sessionId, (value) => typeof value === 'string' && idPattern.test(value)],
  [messageFields.role, (value) => roles.has(value)],
  [messageFields.content, (value) => typeof value === 'string'],
]);

/** A glance for inputs with exactly the members that must be there; undefined where one of them is of another kind. */
export function glanceOf(schema: z.ZodType): Glance | undefined {
  if (!(schema instanceof z.ZodObject)) return undefined;
  const names: string[] = [];
  const wanted: Check[] = [];
  for (const [name, member] of Object.entries(schema.shape as Readonly<Record<string, z.ZodType>>)) {
    const without = member.safeParse(undefined);
    const check = checks.get(member);
    // One that is filled in when it is missing is the schema's work too.
    if (without.success ? without.data !== undefined : check === undefined) return undefined;
    if (without.success || check === undefined) continue;
    names.push(name);
    wanted.push(check);
  }
  return names.length === 0 ? undefined : (input) => taken(names, wanted, input);
}

function taken(names: readonly string[], wanted: readonly Check[], input: unknown): object | undefined {
  if (typeof input !== 'object' || input === null) return undefined;
  try {
    if (Object.getPrototypeOf(input) !== Object.prototype || Object.keys(input).length !== names.length)
      return undefined;
    const found: Record<string, unknown> = {};
    for (let i = 0; i < names.length; i++) {
      const name = names[i] as string;
      if (!Object.hasOwn(input, name)) return undefined;
      const value = (input as Readonly<Record<string, unknown>>)[name];
      if (!wanted[i]?.(value)) return undefined;
      found[name] = value;
    }
    return found;
  } catch {
    // A getter or a proxy of the caller's has thrown: the refusal says so.
    return undefined;
  }
}
