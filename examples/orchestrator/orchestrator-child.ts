// One life of the orchestrator's process: node orchestrator-child.js DIRECTORY [RESULTS]. After so many results it is killed.
// It does the same in every life: what was done already is answered from the record.
import { printTree } from './describe.ts';
import { workers } from './foreman.ts';
import { text } from './model.ts';
import { openOrchestrator } from './orchestrator.ts';

const [location = '', killAfter] = process.argv.slice(2);
const system = await openOrchestrator(location);
const { client } = system;
for (const sessionId of ['planner', ...workers])
  await client.sessions.create({ sessionId }, { idempotencyKey: `create ${sessionId}` });
const job = { sessionId: 'planner', role: 'user', content: text } as const;
await client.messages.send(job, { idempotencyKey: 'the job' });

let results = 0;
for await (const { data } of client.events.stream({ sessionId: 'planner', types: ['message.sent'] })) {
  if (data.role === 'tool') {
    console.log(`result ${data.toolCallId} ${data.content}`);
    results += 1;
    // No close, no warning: the process is gone in the middle of what it did.
    if (results === Number(killAfter)) process.kill(process.pid, 'SIGKILL');
  }
  if (data.role === 'assistant') break;
}
printTree(system.tree());
await system.close();
