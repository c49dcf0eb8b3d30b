// The process that is killed: it opens the system, and answers commands through the Client.
import { type Client, createSystem, HoldfastError } from 'holdfast';
import { readLines } from './lines.ts';
import { openParentChannel } from './parent-channel.ts';
import type { ServingReport } from './reports.ts';
import type { Command } from './session-script.ts';

const [location] = process.argv.slice(2);
const parent = openParentChannel<ServingReport>();

parent.report({ report: 'opening' });
const system = await createSystem({ location });
readLines<Command>(process.stdin, (command) => void answer(command));
process.stdin.once('end', async () => {
  await system.close();
  parent.end();
});
parent.report({ report: 'serving' });

async function answer(command: Command): Promise<void> {
  const { key } = command;
  try {
    const { repeated = false } = await run(system.client, command);
    parent.report({ report: 'answered', key, repeated });
  } catch (error) {
    if (!HoldfastError.is(error)) throw error;
    parent.report({ report: 'refused', key, code: error.code, message: error.message });
  }
}

function run(client: Client, { operation, input, key }: Command): Promise<{ readonly repeated?: boolean }> {
  const options = { idempotencyKey: key };
  return operation === 'sessions.create'
    ? client.sessions.create(input, options)
    : client.messages.send(input, options);
}
