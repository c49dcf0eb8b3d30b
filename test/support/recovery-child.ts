// A process with sessions that ends as it is told: by a kill from outside, by an error that nobody catches, or in order.
// Arguments: how, and over which directory. It says `ready` once all that it did is durable, and prints the newest boots.
import { createSystem, type System } from '../../src/system.ts';

const [how = '', location = ''] = process.argv.slice(2);

async function begin(): Promise<System> {
  const system = await createSystem({
    location,
    heartbeatMs: 50,
    emergencySnapshot: how.startsWith('emergency'),
    captureStrayErrors: how === 'emergency-captured',
    agents: {
      waits: ({ signal }) => new Promise((end) => signal.addEventListener('abort', end)),
      strays: async () => {
        setTimeout(() => {
          throw new Error('of an agent');
        });
        await new Promise((end) => setTimeout(end, 50));
      },
    },
  });
  for (const sessionId of ['a', 'b']) {
    await system.client.sessions.create({ sessionId });
    for (let i = 0; i < 30; i++)
      await system.client.messages.send({ sessionId, role: 'user', content: 'hi' });
  }
  await system.client.agents.start({ sessionId: 'a', agent: 'waits' });
  return system;
}

if (how === 'boots') {
  const system = await createSystem({ location, heartbeatMs: 0 });
  process.stdout.write(JSON.stringify((await system.client.recovery.boots({})).items));
  await system.close();
} else {
  const system = await begin();
  if (how === 'emergency-captured') {
    const { runId } = await system.client.agents.start({
      sessionId: 'b',
      agent: 'strays',
      restart: 'temporary',
    });
    await system.client.agents.wait({ sessionId: 'b', runId });
  }
  process.stdout.write('ready\n');
  if (how === 'close') await system.close();
  if (how === 'emergency' || how === 'emergency-captured')
    setTimeout(() => {
      throw new Error('nobody catches this');
    });
  if (how === 'emergency-rejection') void Promise.reject(new Error('nobody catches this'));
}
