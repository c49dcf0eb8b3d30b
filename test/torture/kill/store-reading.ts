// The store as a fresh process reads it through the Client.
import { isDeepStrictEqual } from 'node:util';
import type { DeliveredEvent, MessageInfo } from 'holdfast';
import { keyIn, type SeenEvent } from './order.ts';
import type { ReadingReport } from './protocol.ts';
import { WorkerProcess } from './worker-process.ts';

export interface Reading {
  /** The events of each session, as they were read. */
  readonly sessions: ReadonlyMap<string, readonly SeenEvent[]>;
  /** What does not fit together in what the Client said. */
  readonly problems: readonly string[];
}

interface ReadSession {
  readonly events: DeliveredEvent[];
  readonly messages: MessageInfo[];
  readonly listed: number;
}

export async function readThroughClient(location: string): Promise<Reading> {
  const read = new Map<string, ReadSession>();
  const problems: string[] = [];
  let isWhole = false;
  const worker = WorkerProcess.start<ReadingReport>('read', location, (report) => {
    if (report.report === 'session') {
      const { sessionId, messages: listed } = report.info;
      if (read.has(sessionId)) problems.push(`session ${sessionId} is listed twice`);
      read.set(sessionId, { events: [], messages: [], listed });
    } else if (report.report === 'events') read.get(report.sessionId)?.events.push(...report.items);
    else if (report.report === 'messages') read.get(report.sessionId)?.messages.push(...report.items);
    else if (report.report === 'end') isWhole = true;
  });
  const { description } = await worker.ended;
  if (!isWhole) throw new Error(`the reading process has failed: ${description}`);
  const sessions = new Map<string, SeenEvent[]>();
  for (const [sessionId, session] of read) {
    sessions.set(sessionId, session.events.map(seen));
    problems.push(...contradictions(session).map((problem) => `session ${sessionId}: ${problem}`));
  }
  return { sessions, problems };
}

function seen({ seq = 0, type, data }: DeliveredEvent): SeenEvent {
  return { seq, type, data, key: keyIn(type, data) };
}

/** The conversation is the messages among the events, and the list of sessions counts as many. */
function contradictions({ events, messages, listed }: ReadSession): string[] {
  const sent = events.filter(({ type }) => type === 'message.sent');
  const problems: string[] = [];
  if (sent.length !== messages.length || sent.length !== listed)
    problems.push(`${sent.length} messages in its events, ${messages.length} read, ${listed} listed`);
  for (const [index, message] of messages.entries()) {
    const { at: _at, pinned: _pinned, seq, ...said } = message;
    const event = sent[index];
    const { size: _size, ...data } = (event?.data ?? {}) as { readonly size?: number };
    if (event?.seq !== seq || !isDeepStrictEqual(data, said))
      problems.push(`message ${seq} is not the event ${event?.seq}`);
  }
  return problems;
}
