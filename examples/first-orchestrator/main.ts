// npm run example:first-orchestrator: does what the tutorial tells its reader to do: starts the desk, kills it, starts it
// again, and once more when the key is there. The desk is plain JavaScript; docs/tutorials shows it to the letter.
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';

/** What the desk prints, until it ends or prints `killAt`. */
async function runDesk(location: string, env: NodeJS.ProcessEnv, killAt?: string): Promise<string> {
  const child = fileURLToPath(new URL('desk-child.js', import.meta.url));
  const desk = spawn(process.execPath, [child, location], { env, stdio: ['ignore', 'pipe', 'inherit'] });
  const lines: string[] = [];
  for await (const line of createInterface(desk.stdout)) {
    lines.push(line);
    if (killAt !== undefined && line.includes(killAt)) desk.kill('SIGKILL');
  }
  return lines.join('\n');
}

const location = await mkdtemp(join(tmpdir(), 'holdfast-'));
const { BOOKING_KEY: _, ...env } = process.env;
try {
  const killed = await runDesk(location, env, 'Day 2');
  console.log(`${killed}\n-- killed --`);
  assert.match(killed, /Day 1.*\n.*agent\.crashed.*\n.*agent\.restarted.*"incarnation":2.*\n.*Day 2/);
  assert.doesNotMatch(killed, /planned/);

  const resumed = await runDesk(location, env);
  console.log(`${resumed}\n-- ended --`);
  assert.match(resumed, /Day 3.*\n.*agent\.completed.*\nplanned: 3 days, by incarnation 3/);
  assert.doesNotMatch(resumed, /Day [12]/);
  assert.match(resumed, /condition\.set .*"condition":"quarantined"/);

  const retried = await runDesk(location, { ...env, BOOKING_KEY: 'a key' });
  console.log(retried);
  assert.match(retried, /once more: booking, which failed with: BOOKING_KEY is not set/);
  assert.match(retried, /result: booked$/);
} finally {
  await rm(location, { recursive: true });
}
