// The process of the agents harness: it runs the agent until the run has ended, or only sends the approval, while nobody runs it.
import { appendFileSync } from 'node:fs';
import { createSystem } from 'holdfast';
import { agentsOf, type Ran } from './agents/fifty-steps.ts';

const [mode = 'run', location = '', ledger = '', run = '0'] = process.argv.slice(2);
const sessionId = `s${run}`;
const note = (ran: Ran): void => appendFileSync(ledger, `${JSON.stringify({ ...ran, run: Number(run) })}\n`);
const system = await createSystem({ location, agents: mode === 'run' ? agentsOf(note) : {} });
const { client } = system;
process.stdout.write('serving\n');
if (mode === 'run') {
  await client.sessions.create({ sessionId }, { idempotencyKey: 'create' });
  const { runId } = await client.agents.start({ sessionId, agent: 'fifty' }, { idempotencyKey: 'start' });
  const { status, result, error } = await client.agents.wait({ sessionId, runId });
  process.stdout.write(`ended ${JSON.stringify({ runId, status, result, error })}\n`);
} else if (mode === 'approve') {
  const [open] = await client.agents.list({ sessionId, status: ['running', 'parked', 'crashed', 'waiting'] });
  const call = { sessionId, runId: open?.runId ?? 'none', name: 'approval', payload: 'granted' };
  await client.agents.signal(call, { idempotencyKey: 'approval', by: 'desk' });
  process.stdout.write('approved\n');
} else {
  let cursor: string | undefined;
  do {
    const page = await client.events.list({ sessionId, limit: 500, ...(cursor && { cursor }) });
    for (const event of page.items) process.stdout.write(`event ${JSON.stringify(event)}\n`);
    cursor = page.cursor;
  } while (cursor !== undefined);
}
await system.close();
