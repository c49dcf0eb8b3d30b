// A fresh process that reads everything back through the Client, page by page.
import { createSystem } from 'holdfast';
import { openParentChannel } from './parent-channel.ts';
import type { ReadingReport } from './reports.ts';

const [location] = process.argv.slice(2);
const parent = openParentChannel<ReadingReport>();

const system = await createSystem({ location });
const { sessions, messages } = system.client;
for (let cursor: string | undefined, more = true; more; more = cursor !== undefined) {
  const page = await sessions.list({ limit: 30, ...(cursor !== undefined && { cursor }) });
  for (const { sessionId } of page.items) await reportSession(sessionId);
  cursor = page.cursor;
}
await system.close();
parent.report({ report: 'end' });
parent.end();

async function reportSession(sessionId: string): Promise<void> {
  parent.report({ report: 'session', sessionId });
  for (let cursor: string | undefined, more = true; more; more = cursor !== undefined) {
    const { items, ...page } = await messages.list({
      sessionId,
      limit: 10,
      ...(cursor !== undefined && { cursor }),
    });
    parent.report({ report: 'messages', sessionId, items });
    cursor = page.cursor;
  }
}
