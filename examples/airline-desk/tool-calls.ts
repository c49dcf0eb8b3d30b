// The tool calls of a transcript, each with the answer that it got. Vendors use the id of a call more than once in one conversation:
// here a call is known by its place.
import type { Json } from 'holdfast';
import type { ChatMessage, Transcript } from '../replay-transcripts/transcript.ts';

export interface ToolCall {
  /** Of the task that does it. */
  readonly taskId: string;
  readonly tool: string;
  /** As the model wrote them: JSON in a text. */
  readonly arguments: string;
  /** True for the tool that passes the customer on to a person. */
  readonly isTransfer: boolean;
  /** The index of the message that asks for it. */
  readonly askedAt: number;
  /** The index of the message that answers it; undefined when the conversation ended before. */
  readonly answeredAt: number | undefined;
  /** What the recorded answer is; null when there is none. */
  readonly answer: Json;
}

interface VendorCall {
  readonly id?: string;
  readonly function?: { readonly name?: string; readonly arguments?: string };
}

const transferTool = 'transfer_to_human_agents';

export function toolCallsOf({ messages }: Transcript): ToolCall[] {
  const answered = new Set<number>();
  return messages.flatMap((message, askedAt) =>
    vendorCalls(message).map((call, index) => {
      const place = messages.findIndex(
        ({ role, tool_call_id: id }, at) =>
          at > askedAt && role === 'tool' && id === call.id && !answered.has(at),
      );
      if (place >= 0) answered.add(place);
      const tool = call.function?.name ?? 'unknown';
      return {
        taskId: `call-${askedAt}-${index}`,
        tool,
        arguments: call.function?.arguments ?? '{}',
        isTransfer: tool === transferTool,
        askedAt,
        answeredAt: place < 0 ? undefined : place,
        answer: (messages[place]?.content ?? null) as Json,
      };
    }),
  );
}

function vendorCalls({ tool_calls: calls }: ChatMessage): readonly VendorCall[] {
  return Array.isArray(calls) ? (calls as readonly VendorCall[]) : [];
}
