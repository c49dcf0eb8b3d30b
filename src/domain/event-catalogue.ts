// The events that agents publish themselves: their fields, which are required, and which kinds are kept.
import type { Json } from '../base/json.ts';
import type { Refusal } from './law.ts';

type FieldType = 'string' | 'number' | 'boolean' | 'object' | 'array' | 'any';

type Fields = Readonly<Record<string, FieldType>>;

interface EventShape {
  readonly required: Fields;
  readonly optional: Fields;
  /** Published to whoever listens now, without a seq, and never journaled. */
  readonly transient: boolean;
}

const kept = <const Required extends Fields, const Optional extends Fields = Record<never, never>>(
  required: Required,
  optional: Optional = {} as Optional,
) => ({ required, optional, transient: false as const });

const transient = <const Required extends Fields, const Optional extends Fields = Record<never, never>>(
  required: Required,
  optional: Optional = {} as Optional,
) => ({ required, optional, transient: true as const });

export const publishableEvents = {
  'llm.chunkStreamed': transient({ content: 'string' }, { chunkIndex: 'number', isFinal: 'boolean' }),
  'llm.responded': kept({ content: 'string' }, { model: 'string', tokensUsed: 'number' }),
  'agent.statusChanged': transient({ agent: 'string', status: 'string' }, { message: 'string' }),
  'agent.streamed': transient({ runId: 'string', incarnation: 'number', index: 'number', chunk: 'any' }),
  'analysis.completed': kept(
    { filesAnalyzed: 'number', issuesFound: 'number' },
    { durationMs: 'number', results: 'any' },
  ),
  'issue.found': kept(
    { severity: 'string', message: 'string' },
    { file: 'string', line: 'number', column: 'number', suggestion: 'string' },
  ),
  'tool.called': kept(
    { tool: 'string', toolCallId: 'string', parameters: 'any' },
    { processingMs: 'number' },
  ),
  'tool.returned': kept(
    { tool: 'string', toolCallId: 'string', status: 'string' },
    { result: 'any', error: 'string' },
  ),
  'context.updated': kept({}, { projectPath: 'string', filesChanged: 'array' }),
} as const satisfies Record<string, EventShape>;

export type PublishableEventType = keyof typeof publishableEvents;

interface FieldValue {
  readonly string: string;
  readonly number: number;
  readonly boolean: boolean;
  readonly object: { readonly [key: string]: Json };
  readonly array: readonly Json[];
  readonly any: Json;
}

type DataOf<Shape extends EventShape> = {
  readonly [Field in keyof Shape['required']]: FieldValue[Shape['required'][Field] & FieldType];
} & {
  readonly [Field in keyof Shape['optional']]?: FieldValue[Shape['optional'][Field] & FieldType];
};

/** What the session adds to a published event when it becomes an entry of its context. */
interface EntryData {
  readonly entry: number;
  readonly size: number;
}

/** What each of them carries when it is heard. */
export type PublishedEventData = {
  readonly [Type in PublishableEventType]: DataOf<(typeof publishableEvents)[Type]> &
    (Type extends 'tool.called' ? EntryData : unknown);
};

export function isTransient(type: PublishableEventType): boolean {
  return publishableEvents[type].transient;
}

/** Why `data` is not an event of `type`, or undefined when it is one. */
export function checkEvent(type: string, data: { readonly [key: string]: Json }): Refusal | undefined {
  if (!Object.hasOwn(publishableEvents, type))
    return { code: 'UNKNOWN_EVENT_TYPE', details: { value: type } };
  const shape: EventShape = publishableEvents[type as PublishableEventType];
  for (const field of Object.keys(shape.required)) {
    if (!Object.hasOwn(data, field)) return { code: 'MISSING_EVENT_FIELD', details: { type, field } };
  }
  for (const [field, value] of Object.entries(data)) {
    const problem = wrong(fieldType(shape, field), value);
    if (problem !== undefined) return { code: 'INVALID_EVENT_FIELD', details: { type, field, problem } };
  }
  return undefined;
}

/** Own members only: `constructor` is a field of no event. */
function fieldType({ required, optional }: EventShape, field: string): FieldType | undefined {
  if (Object.hasOwn(required, field)) return required[field];
  return Object.hasOwn(optional, field) ? optional[field] : undefined;
}

function wrong(expected: FieldType | undefined, value: Json): string | undefined {
  if (expected === undefined) return 'the event has no such field';
  if (expected === 'any') return undefined;
  const found = value === null ? 'null' : Array.isArray(value) ? 'array' : typeof value;
  return found === expected ? undefined : `it is ${found}, not ${expected}`;
}
