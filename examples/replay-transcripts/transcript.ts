// A transcript: what an agent and its surroundings said to each other, in OpenAI's chat shape, one JSON object a line.
import type { Json, MessageRole } from 'holdfast';

/** A message whole, with whatever members it has. */
export interface ChatMessage {
  readonly role: MessageRole;
  readonly content?: string | null | readonly Json[];
  readonly [member: string]: Json | undefined;
}

export interface Transcript {
  /** Its place in the input, from 1. */
  readonly line: number;
  readonly taskId: string;
  readonly trial: string;
  /** Everything that the line says beside the messages. */
  readonly about: { readonly [member: string]: Json };
  readonly messages: readonly ChatMessage[];
}

/** The input is not what it should be; the message says what and where, and needs no stack. */
export class InputFault extends Error {}

const roles: readonly unknown[] = ['system', 'user', 'assistant', 'tool'] satisfies MessageRole[];

/** A line as a transcript, or an InputFault that says what is missing or wrong. */
export function parseTranscript(text: string, line: number): Transcript {
  const value = parseJson(text);
  if (!isObject(value)) throw new InputFault('it is not an object but another kind of JSON');
  const { messages, ...about } = value;
  if (!Array.isArray(messages)) throw new InputFault('"messages" must be an array');
  for (const [index, message] of messages.entries()) {
    const problem = problemOf(message);
    if (problem !== undefined) throw new InputFault(`message ${index + 1}: ${problem}`);
  }
  return {
    line,
    taskId: textOf(about, 'task_id'),
    trial: textOf(about, 'trial'),
    about: about as Transcript['about'],
    messages,
  };
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text, (_, value: unknown) => {
      // What becomes Infinity could not be told from null when it is read back.
      if (value === Number.POSITIVE_INFINITY || value === Number.NEGATIVE_INFINITY)
        throw new InputFault('a number is too large');
      return value;
    });
  } catch (error) {
    if (error instanceof InputFault) throw error;
    throw new InputFault(`it is not JSON: ${error instanceof Error ? error.message : error}`);
  }
}

function problemOf(message: unknown): string | undefined {
  if (!isObject(message)) return 'it is not an object';
  const { role, content = null } = message;
  if (!roles.includes(role))
    return `"role" must be one of ${roles.join(', ')}, not ${JSON.stringify(role) ?? 'absent'}`;
  const isContent = typeof content === 'string' || content === null || Array.isArray(content);
  return isContent ? undefined : '"content" must be a text, null or an array';
}

function textOf(about: Readonly<Record<string, unknown>>, member: string): string {
  const value = about[member] ?? '';
  if (typeof value === 'string' || typeof value === 'number') return String(value);
  throw new InputFault(`"${member}" must be a text or a number`);
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
