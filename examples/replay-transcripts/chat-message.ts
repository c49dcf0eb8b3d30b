// A chat message as Holdfast takes it and gives it back: nothing of it is lost on the way.
import type { InputOf, Json, MessageInfo } from 'holdfast';
import type { ChatMessage } from './transcript.ts';

type SentMessage = Omit<InputOf<'messages.send'>, 'sessionId'>;

/** What a message has beside the members that Holdfast knows; kept as its metadata. */
interface Rest {
  readonly members: { readonly [member: string]: Json | undefined };
  /** OpenAI leaves the content of some messages out, which is not the same as null. */
  readonly withoutContent?: true;
}

export function toSentMessage({ role, content, ...others }: ChatMessage): SentMessage {
  const { tool_calls: toolCalls, tool_call_id: toolCallId, name, ...members } = others;
  const unfit: Record<string, Json> = {};
  if (toolCalls !== undefined && !Array.isArray(toolCalls)) unfit.tool_calls = toolCalls;
  if (toolCallId !== undefined && !isShortText(toolCallId)) unfit.tool_call_id = toolCallId;
  if (name !== undefined && !isShortText(name)) unfit.name = name;
  const rest: Rest = {
    members: { ...members, ...unfit },
    ...(content === undefined && { withoutContent: true }),
  };
  const hasRest = content === undefined || Object.keys(rest.members).length > 0;
  return {
    role,
    content: content === undefined ? null : (content as SentMessage['content']),
    ...(Array.isArray(toolCalls) && { toolCalls }),
    ...(isShortText(toolCallId) && { toolCallId }),
    ...(isShortText(name) && { name }),
    ...(hasRest && { metadata: rest }),
  };
}

export function fromMessageInfo(info: MessageInfo): ChatMessage {
  const { role, content, toolCalls, toolCallId, name, metadata } = info;
  if (role === null) throw new Error(`message ${info.seq} was erased`);
  const rest = metadata as Rest | undefined;
  return {
    ...rest?.members,
    role,
    ...(rest?.withoutContent !== true && { content }),
    ...(toolCalls !== undefined && { tool_calls: toolCalls }),
    ...(toolCallId !== undefined && { tool_call_id: toolCallId }),
    ...(name !== undefined && { name }),
  };
}

/** The same text for equal messages, whatever the order of their members. */
export function canonicalText(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(canonicalText).join(',')}]`;
  if (typeof value !== 'object' || value === null) return JSON.stringify(value);
  const members = Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1));
  return `{${members.map(([key, member]) => `${JSON.stringify(key)}:${canonicalText(member)}`).join(',')}}`;
}

function isShortText(value: Json | undefined): value is string {
  return typeof value === 'string' && value.length > 0 && value.length <= 256;
}
