// One life of the airline's process, which may be killed at any point: it tells its parent of all that happens, from the cursor that the
// parent has heard last, and does its work.
import { join } from 'node:path';
import { type Client, createSystem } from 'holdfast';
import { readLines } from '../replay-transcripts/lines.ts';
import { openParentChannel } from '../replay-transcripts/parent-channel.ts';
import { sessionScript } from '../replay-transcripts/session-script.ts';
import { agentsOf } from './agents.ts';
import { Airline } from './airline.ts';
import { type Order, type Told, toldTypes } from './reports.ts';
import { workTheDay } from './working-day.ts';

const [location = ''] = process.argv.slice(2);
const parent = openParentChannel<Told>();
readLines<Order>(process.stdin, (order) => void live(order));

async function live({ transcripts, after }: Order): Promise<void> {
  const scripts = transcripts.map(sessionScript);
  const agents = agentsOf(new Airline(location, scripts));
  const system = await createSystem({ location: join(location, 'store'), agents });
  const ended = new Promise((resolve) => process.stdin.once('end', resolve));
  const telling = tell(system.client, after);
  await workTheDay(system.client, scripts);
  // The parent says when it has heard enough.
  await ended;
  await system.close();
  await telling;
  parent.end();
}

async function tell({ events }: Client, after: string | undefined): Promise<void> {
  const stream = events.stream({ types: toldTypes, ...(after !== undefined && { after }) });
  for await (const { sessionId, type, cursor } of stream)
    if (cursor !== undefined) parent.report({ sessionId, type, cursor });
}
