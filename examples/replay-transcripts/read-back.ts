// Everything that the store holds, as a fresh process reads it through the Client.
import type { MessageInfo } from 'holdfast';
import { Child } from './child-process.ts';
import type { ReadingReport } from './reports.ts';

/** The messages of each session, in the order in which they were read. */
export type ReadBack = ReadonlyMap<string, readonly MessageInfo[]>;

export async function readBack(location: string): Promise<ReadBack> {
  const sessions = new Map<string, MessageInfo[]>();
  let isWhole = false;
  const child = Child.start<ReadingReport>('readback-child.js', location, (report) => {
    if (report.report === 'session') sessions.set(report.sessionId, sessions.get(report.sessionId) ?? []);
    else if (report.report === 'messages') sessions.get(report.sessionId)?.push(...report.items);
    else isWhole = true;
  });
  const { status, errors } = await child.ended;
  if (!isWhole) throw new Error(`the reading process has failed: ${status}\n${errors}`);
  return sessions;
}
