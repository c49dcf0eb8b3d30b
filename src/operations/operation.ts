// What an operation is: declared once with its name, schemas and meaning. Client, HTTP, CLI and MCP are made from it.
import type { z } from 'zod';
import { type ErrorCode, HoldfastError, textOrType, toError } from '../base/errors.ts';

export interface Operation<Input extends z.ZodType = z.ZodType, Output = unknown> {
  /** What it does, in a sentence. */
  readonly summary: string;
  /** `write` takes an idempotency key. */
  readonly kind: 'read' | 'write';
  readonly input: Input;
  /** Never set: it carries the type of the answer. */
  readonly output?: Output;
}

export const read =
  <Output>() =>
  <Input extends z.ZodType>(summary: string, input: Input): Operation<Input, Output> => ({
    summary,
    kind: 'read',
    input,
  });

export const write =
  <Output>() =>
  <Input extends z.ZodType>(summary: string, input: Input): Operation<Input, Output> => ({
    summary,
    kind: 'write',
    input,
  });

export interface CallOptions {
  /** Ends the wait; what was already sent may still take effect. */
  readonly signal?: AbortSignal;
  /** Makes a repeat of the same request safe: it is answered from the record of the first. At most 255 characters. */
  readonly idempotencyKey?: string;
  /**
   * The answer to a write waits until at least this is reached, in a session of a lower class; asking for less changes
   * nothing. A session that is not journaled refuses it with `INVALID_INPUT`.
   */
  readonly durability?: 'os' | 'fsync';
  /**
   * As whom a session that has an owner is written to: the session that owns it or shares it, and the epoch in which it does. Once
   * that is over the write is refused with `OWNERSHIP_LOST`.
   */
  readonly ownership?: { readonly owner: string; readonly epoch: number };
  /** Kept with the events that the call leads to. */
  readonly correlation?: string;
  /** Who calls; kept with the events. */
  readonly by?: string;
}

/** The one way into the system: an operation by name, its input as plain data, its output as plain data. */
export type Dispatch = (operation: string, input: unknown, options?: CallOptions) => Promise<unknown>;

/** A call option that is wrong, by its name; all of them where there is none. */
export function optionFault(operation: string, option: string | undefined, problem: string): HoldfastError {
  const field = option === undefined ? 'options' : `options.${option}`;
  return new HoldfastError('INVALID_INPUT', { operation, field, problem: `${field}: ${problem}` });
}

/** Fields whose faults have a code of their own. */
const fieldCodes: Readonly<Record<string, ErrorCode>> = {
  sessionId: 'INVALID_ID',
  parentSessionId: 'INVALID_ID',
  role: 'INVALID_ROLE',
};

/** The input as the operation takes it, or a HoldfastError that names the field. */
export function parseInput<Input extends z.ZodType>(
  name: string,
  operation: Operation<Input>,
  input: unknown,
): z.output<Input> {
  try {
    const result = operation.input.safeParse(input);
    if (result.success) return result.data;
    throw refusalOf(name, input, result.error);
  } catch (error) {
    if (HoldfastError.is(error)) throw error;
    // A getter or a proxy of the caller's has thrown.
    const problem = `it cannot be read: ${toError(error).message}`;
    throw new HoldfastError('INVALID_INPUT', { operation: name, field: wholeInput, problem });
  }
}

function refusalOf(name: string, input: unknown, error: z.ZodError): HoldfastError {
  const faults = faultsOf(error);
  const refusal = faults[0] && refusalIn(faults[0].issue);
  if (refusal !== undefined) return refusal;
  const { path, field } = firstFault(error);
  const value = valueAt(input, path);
  // A member that the operation does not have is wrong by its name, whatever it holds.
  const isUnknown = faults[0]?.issue.code === 'unrecognized_keys';
  const code = value === undefined || isUnknown ? undefined : fieldCodes[String(path.at(-1))];
  const told = faults.slice(0, code === undefined ? mostFaults : 1);
  const problem = told.map((fault) => `${fault.field}: ${fault.problem}`).join('; ');
  return new HoldfastError(code ?? 'INVALID_INPUT', {
    operation: name,
    field,
    problem,
    ...(code && { value: textOrType(value) }),
  });
}

/** The name of an input that is wrong as a whole. */
const wholeInput = 'input';

/** So many are told of at once: somebody's list may be wrong in each of its members. */
const mostFaults = 5;

interface Fault {
  readonly issue: z.core.$ZodIssue;
  readonly path: readonly PropertyKey[];
  /** The path as a text, never empty. */
  readonly field: string;
  readonly problem: string;
}

type PlacedFault = Omit<Fault, 'issue'>;

/** The first that is wrong. */
export const firstFault = (error: z.ZodError): PlacedFault =>
  faultsOf(error)[0] ?? { path: [], field: wholeInput, problem: error.message };

/** Each member that is wrong, also each that has a name which is not known. */
function faultsOf({ issues }: z.ZodError): readonly Fault[] {
  return issues.slice(0, mostFaults).map(tellingIssue).flatMap(faultsIn);
}

function faultsIn(issue: z.core.$ZodIssue): readonly Fault[] {
  const isUnknown = issue.code === 'unrecognized_keys';
  const paths = isUnknown ? issue.keys.map((key) => [...issue.path, key]) : [issue.path];
  const problem = isUnknown ? 'there is no member of this name' : issue.message;
  return paths.map((path) => ({ issue, path, field: path.join('.') || wholeInput, problem }));
}

/** What cannot be kept says so itself, by its own code; named by its place in the whole. */
export function refusalIn(issue: z.core.$ZodIssue): HoldfastError | undefined {
  const refusal: unknown = issue.code === 'custom' ? issue.params?.refusal : undefined;
  return HoldfastError.is(refusal) ? placed(refusal, issue.path) : undefined;
}

/** Of a choice of shapes, what is wrong with the one that the input comes closest to. */
export function tellingIssue(issue: z.core.$ZodIssue): z.core.$ZodIssue {
  if (issue.code !== 'invalid_union') return issue;
  const closest = issue.errors
    .filter((faults) => faults.some(isWithin))
    .sort((a, b) => a.length - b.length)[0];
  const fault = closest?.find(isWithin);
  return fault === undefined
    ? { ...issue, message: choicesOf(issue) }
    : tellingIssue({ ...fault, path: [...issue.path, ...fault.path] });
}

const choicesOf = ({ errors, message }: z.core.$ZodIssueInvalidUnion): string =>
  [...new Set(errors.flatMap((faults) => faults.map((fault) => fault.message)))].join(', or ') || message;

/** Where all shapes fail as a whole, none is closer than the others. */
const isWithin = (fault: z.core.$ZodIssue): boolean =>
  fault.path.length > 0 || refusalIn(fault) !== undefined;

/** A value knows the place within itself alone, which it calls `$`. */
function placed({ code, details, cause }: HoldfastError, path: readonly PropertyKey[]): HoldfastError {
  const root = `$${path.map((key) => (typeof key === 'number' ? `[${key}]` : `.${String(key)}`)).join('')}`;
  const within = (text: unknown): unknown =>
    typeof text === 'string' ? text.replace('$', () => root) : text;
  const { path: place, what } = details;
  const found = {
    ...(place !== undefined && { path: within(place) }),
    ...(what !== undefined && { what: within(what) }),
  };
  return new HoldfastError(code, { ...details, ...found }, { cause });
}

function valueAt(input: unknown, path: readonly PropertyKey[]): unknown {
  let value = input;
  for (const key of path)
    value = typeof value === 'object' && value !== null ? Reflect.get(value, key) : undefined;
  return value;
}
