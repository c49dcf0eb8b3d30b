// The process of the power harness: tells what it finds of the sessions that it is asked for, then lets its clients write until it
// is killed. It tells in the order in which things happen, and at once.
import { writeSync } from 'node:fs';
import { type Client, createSystem } from 'holdfast';

export type PowerWord =
  /** What a session holds: the numbers of its messages, in order. */
  | { readonly word: 'found'; readonly session: string; readonly numbers: readonly number[] }
  | { readonly word: 'missing'; readonly session: string }
  | { readonly word: 'serving' }
  /** A message that is acknowledged only when it is durable is on its way. */
  | { readonly word: 'sending'; readonly session: string; readonly number: number }
  | {
      readonly word: 'acknowledged';
      readonly session: string;
      readonly number: number;
      readonly reached: string;
    };

export interface PowerJob {
  readonly location: string;
  readonly look: readonly string[];
  /** The sessions to write to, with their class. */
  readonly write: readonly { readonly session: string; readonly durability: 'fsync' | 'os' }[];
  /** Each so many-th message of class `os` asks for a sync. */
  readonly syncEvery: number;
}

const tell = (word: PowerWord): void => void writeSync(1, `${JSON.stringify(word)}\n`);
const { location, look, write, syncEvery } = JSON.parse(process.argv[2] ?? '{}') as PowerJob;

const system = await createSystem({ location });
for (const session of look) await find(system.client, session);
tell({ word: 'serving' });
if (write.length === 0) await system.close();
else await Promise.all(write.map((each) => keepWriting(system.client, each)));

async function find({ messages }: Client, session: string): Promise<void> {
  const numbers: number[] = [];
  try {
    for (let cursor: string | undefined, more = true; more; more = cursor !== undefined) {
      const page = await messages.list({
        sessionId: session,
        limit: 100,
        ...(cursor !== undefined && { cursor }),
      });
      numbers.push(...page.items.map(({ content }) => Number.parseInt(content as string, 10)));
      cursor = page.cursor;
    }
    tell({ word: 'found', session, numbers });
  } catch (error) {
    if ((error as { code?: string }).code !== 'SESSION_NOT_FOUND') throw error;
    tell({ word: 'missing', session });
  }
}

/** Messages are long, so that LevelDB changes its log file and makes tables now and then. */
async function keepWriting(
  client: Client,
  { session, durability }: PowerJob['write'][number],
): Promise<void> {
  await client.sessions.create({ sessionId: session, durability });
  for (let number = 1; ; number++) {
    const wanted = number % syncEvery === 0 ? ({ durability: 'fsync' } as const) : {};
    if (durability === 'fsync' || number % syncEvery === 0) tell({ word: 'sending', session, number });
    const content = `${number} ${'x'.repeat((number % 7) * 4_000)}`;
    const answer = await client.messages.send({ sessionId: session, role: 'user', content }, wanted);
    tell({ word: 'acknowledged', session, number, reached: answer.durability });
  }
}
