// The summary of a session read from its text: by the place of its members, which its version tells. A text of another
// version or another shape is not read here.
import { JsonCursor } from '../base/json-cursor.ts';
import type { SessionSummary } from '../domain/session/session-deadlines.ts';
import { summaryVersion } from '../domain/session/session-deadlines.ts';

const beginning = `{"v":${summaryVersion},"createdAt":`;
const lengthOf = (member: keyof SessionSummary): number => `,"${member}":`.length;
const leads = {
  activeAt: lengthOf('activeAt'),
  idleAfterMs: lengthOf('idleAfterMs'),
  dormantAfterMs: lengthOf('dormantAfterMs'),
  messages: lengthOf('messages'),
  agents: lengthOf('agents'),
  entries: lengthOf('entries'),
  name: lengthOf('name'),
  agent: lengthOf('agent'),
  parentSessionId: lengthOf('parentSessionId'),
};

export function readSummaryText(text: string): SessionSummary | undefined {
  if (!text.startsWith(beginning)) return undefined;
  const cursor = new JsonCursor(text).skip(beginning.length);
  const summary = {
    v: summaryVersion,
    createdAt: cursor.number(),
    activeAt: cursor.skip(leads.activeAt).number(),
    idleAfterMs: cursor.skip(leads.idleAfterMs).numberOrNull(),
    dormantAfterMs: cursor.skip(leads.dormantAfterMs).numberOrNull(),
    messages: cursor.skip(leads.messages).number(),
    agents: cursor.skip(leads.agents).number(),
    entries: cursor.skip(leads.entries).number(),
    name: cursor.skip(leads.name).textOrNull(),
    agent: cursor.skip(leads.agent).textOrNull(),
    parentSessionId: cursor.skip(leads.parentSessionId).textOrNull(),
  };
  return cursor.isSound && cursor.at === text.length - '}'.length ? summary : undefined;
}
