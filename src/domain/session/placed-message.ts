// A message with its place among what a session knows.
import { byteLength } from '../../base/json.ts';
import type { NewMessage } from './session-commands.ts';
import type { MessageData } from './session-events.ts';

/** A message with its place among the entries, and its size. */
export function placed(message: NewMessage, entry: number): MessageData {
  const { role, content, toolCalls, toolCallId, name, metadata, pinned, processingMs } = message;
  // Member by member: it is made of every message that is ever sent, and copying it with its names costs five times as much.
  const data: Mutable<MessageData> = { role, content, entry, size: sizeOf(message) };
  if (toolCalls !== undefined) data.toolCalls = toolCalls;
  if (toolCallId !== undefined) data.toolCallId = toolCallId;
  if (name !== undefined) data.name = name;
  if (metadata !== undefined) data.metadata = metadata;
  if (pinned !== undefined) data.pinned = pinned;
  if (processingMs !== undefined) data.processingMs = processingMs;
  return data;
}

type Mutable<T> = { -readonly [Member in keyof T]: T[Member] };

/** Bytes of what a model reads of it. */
function sizeOf({ content, toolCalls }: NewMessage): number {
  const text = typeof content === 'string' ? content : content === null ? '' : JSON.stringify(content);
  return byteLength(text) + (toolCalls === undefined ? 0 : byteLength(JSON.stringify(toolCalls)));
}

/** The same of a message that was said elsewhere first, if it was. */
export function placedWithOrigin(message: NewMessage, entry: number): MessageData {
  const { origin } = message;
  const data = placed(message, entry);
  return origin === undefined ? data : { ...data, origin };
}
