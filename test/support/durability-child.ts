// A process with one session of each class that writes to all of them until it is killed, and tells what was answered.
import { createSystem } from '../../src/system.ts';

const [location = ''] = process.argv.slice(2);
const { client } = await createSystem({ location });
const classes = ['fsync', 'os', 'none'] as const;
for (const durability of classes) await client.sessions.create({ sessionId: durability, durability });

const write = async (sessionId: string): Promise<void> => {
  for (let n = 1; ; n++) {
    const { seq, durability } = await client.messages.send({ sessionId, role: 'user', content: `m${n}` });
    process.send?.({ sessionId, seq, durability });
    // Answers that need no disk would leave no turn to the others.
    await new Promise((resolve) => setImmediate(resolve));
  }
};
for (const durability of classes) void write(durability);
