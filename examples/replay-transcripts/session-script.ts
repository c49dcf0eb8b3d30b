// A transcript as a session: its id, and the commands that replay it, each with its idempotency key.
import type { InputOf } from 'holdfast';
import { toSentMessage } from './chat-message.ts';
import type { Transcript } from './transcript.ts';

export type Command =
  | {
      readonly operation: 'sessions.create';
      readonly key: string;
      readonly input: InputOf<'sessions.create'>;
    }
  | { readonly operation: 'messages.send'; readonly key: string; readonly input: InputOf<'messages.send'> };

export interface SessionScript {
  readonly sessionId: string;
  readonly transcript: Transcript;
  /** The session is created, then message after message is sent. */
  readonly commands: readonly Command[];
}

export function sessionScript(transcript: Transcript): SessionScript {
  const { line, taskId, trial, about, messages } = transcript;
  const sessionId = idOf(line, taskId, trial);
  const name = `task ${taskId}, trial ${trial}`.slice(0, 200);
  const commands: Command[] = [
    { operation: 'sessions.create', key: `${sessionId}/0`, input: { sessionId, name, metadata: about } },
  ];
  for (const message of messages) {
    const key = `${sessionId}/${commands.length}`;
    commands.push({ operation: 'messages.send', key, input: { sessionId, ...toSentMessage(message) } });
  }
  return { sessionId, transcript, commands };
}

/** The line alone makes it unique; the rest is for people, as far as an id can hold it. */
function idOf(line: number, taskId: string, trial: string): string {
  const safe = (text: string, length: number): string =>
    text.replace(/[^A-Za-z0-9_-]/g, '-').slice(0, length);
  return `line-${line}-task-${safe(taskId, 24)}-trial-${safe(trial, 8)}`;
}
