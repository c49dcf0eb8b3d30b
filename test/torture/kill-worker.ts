// The process of the kill harness: `serve` answers calls until it is killed, `read` tells all that the store holds.
import { Socket } from 'node:net';
import { type CallOptions, type Client, createSystem, HoldfastError } from 'holdfast';
import { readLines } from './kill/lines.ts';
import {
  type Answer,
  type Call,
  type ReadingReport,
  reportDescriptor,
  type ServingReport,
} from './kill/protocol.ts';

const [mode, location] = process.argv.slice(2);
const pipe = new Socket({ fd: reportDescriptor, readable: false, writable: true });
// When the harness is gone there is nobody to report to; the end of stdin ends this process too.
pipe.on('error', () => {});
const tell = (report: ServingReport | ReadingReport): void => void pipe.write(`${JSON.stringify(report)}\n`);

tell({ report: 'opening' });
const system = await createSystem({ location });
if (mode === 'read') {
  await readEverything(system.client);
  await system.close();
  pipe.end();
} else {
  readLines<Call>(process.stdin, (call) => void answer(call));
  process.stdin.once('end', async () => {
    await system.close();
    pipe.end();
  });
  tell({ report: 'serving' });
}

async function answer(call: Call): Promise<void> {
  const { key } = call;
  try {
    tell({ report: 'answered', key, answer: await run(system.client, call) });
  } catch (error) {
    if (!HoldfastError.is(error)) throw error;
    tell({ report: 'refused', key, code: error.code, message: error.message });
  }
}

function run(client: Client, { operation, input, key }: Call): Promise<Answer> {
  const [space = '', verb = ''] = operation.split('.');
  type Methods = Readonly<Record<string, (input: Call['input'], options: CallOptions) => Promise<Answer>>>;
  const method = (client as unknown as Readonly<Record<string, Methods>>)[space]?.[verb];
  if (method === undefined) throw new TypeError(`the Client has no ${operation}`);
  return method(input, { idempotencyKey: key });
}

async function readEverything({ sessions, events, messages }: Client): Promise<void> {
  const open = { status: ['active', 'idle', 'paused', 'dormant'], limit: 50 } satisfies Parameters<
    typeof sessions.list
  >[0];
  await pages(
    (cursor) => sessions.list({ ...open, ...cursor }),
    async (infos) => {
      for (const info of infos) {
        const { sessionId } = info;
        tell({ report: 'session', info });
        const query = { sessionId, limit: 200 };
        await pages(
          (cursor) => events.list({ ...query, ...cursor }),
          (items) => tell({ report: 'events', sessionId, items }),
        );
        await pages(
          (cursor) => messages.list({ ...query, ...cursor }),
          (items) => tell({ report: 'messages', sessionId, items }),
        );
      }
    },
  );
  tell({ report: 'end' });
}

async function pages<Item>(
  read: (cursor: {
    readonly cursor?: string;
  }) => Promise<{ readonly items: readonly Item[]; readonly cursor?: string }>,
  take: (items: readonly Item[]) => Promise<void> | void,
): Promise<void> {
  for (let cursor: string | undefined, more = true; more; more = cursor !== undefined) {
    const page = await read(cursor === undefined ? {} : { cursor });
    await take(page.items);
    cursor = page.cursor;
  }
}
