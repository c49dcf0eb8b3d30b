// The process of the backup campaign that is killed: it writes, tells what was answered, and makes a backup slowly.
import { createSystem } from 'holdfast';

const {
  location = '',
  backupDirectory = '',
  sessions = 0,
} = JSON.parse(process.argv[2] ?? '{}') as {
  readonly location?: string;
  readonly backupDirectory?: string;
  readonly sessions?: number;
};
const tell = (word: object): void => void process.send?.(word);
const system = await createSystem({ location, backupDirectory, backupBytesPerSecond: 100_000 });
const { client } = system;

async function write(sessionId: string): Promise<void> {
  const { messages } = await client.sessions.get({ sessionId });
  for (let n = messages + 1; ; n++) {
    await client.messages.send({ sessionId, role: 'user', content: String(n) });
    tell({ sessionId, n });
  }
}

for (let i = 0; i < sessions; i++) void write(`s${i}`);
tell({ begun: true });
await client.backups.create();
tell({ finished: true });
