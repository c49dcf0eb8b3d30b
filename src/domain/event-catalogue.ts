// The events that agents publish themselves: their fields, which are required, and which kinds are kept.
import type { Json } from '../base/json.ts';
import type { Refusal } from './law.ts';

type FieldType = 'string' | 'number' | 'boolean' | 'object' | 'array' | 'any';

interface EventShape {
  readonly required: Readonly<Record<string, FieldType>>;
  readonly optional: Readonly<Record<string, FieldType>>;
  /** Published to whoever listens now, without a seq, and never journaled. */
  readonly transient: boolean;
}

const kept = (required: EventShape['required'], optional: EventShape['optional'] = {}): EventShape => ({
  required,
  optional,
  transient: false,
});

const transient = (required: EventShape['required'], optional: EventShape['optional'] = {}): EventShape => ({
  required,
  optional,
  transient: true,
});

export const publishableEvents = {
  'llm.chunkStreamed': transient({ content: 'string' }, { chunkIndex: 'number', isFinal: 'boolean' }),
  'llm.responded': kept({ content: 'string' }, { model: 'string', tokensUsed: 'number' }),
  'agent.statusChanged': transient({ agent: 'string', status: 'string' }, { message: 'string' }),
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
