// npm run example:orchestrator: a planner, three workers and the death of their process. A job is split, one worker crashes
// twice, one hangs, the process is killed: at the end the sum is right, and no result was lost or doubled.
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { type Client, createSystem } from 'holdfast';
import { printHistory } from './describe.ts';
import { workers } from './foreman.ts';
import { countWords, splitIntoParts, text } from './model.ts';

/** Runs the orchestrator in a process of its own, until it has finished or is killed. */
function live(location: string, ...args: string[]) {
  const child = fileURLToPath(new URL('orchestrator-child.js', import.meta.url));
  const { signal, status, stdout, stderr } = spawnSync(process.execPath, [child, location, ...args], {
    encoding: 'utf8',
  });
  return { signal, status, stderr, lines: stdout.trim().split('\n') };
}

async function assertRight(client: Client, acknowledged: readonly string[]): Promise<void> {
  const { items } = await client.messages.list({ sessionId: 'planner' });
  const results = items
    .filter(({ role }) => role === 'tool')
    .map(({ toolCallId, content }) => `result ${toolCallId} ${content}`);
  const expected = splitIntoParts(text).map((part, i) => `result part-${i + 1} ${countWords(part)}`);
  assert.deepEqual(results.toSorted(), expected, 'each part was counted right, and once');
  assert.deepEqual(results.slice(0, acknowledged.length), acknowledged, 'what was acknowledged stayed');
  const answers = items.filter(({ role }) => role === 'assistant').map(({ content }) => content);
  assert.deepEqual(answers, [`${countWords(text)} words`]);

  const [hard] = await client.agents.list({ sessionId: 'worker-1', role: 'part-1' });
  assert.deepEqual([hard?.status, hard?.crashes], ['completed', 2]);
  const [hung] = await client.agents.list({ sessionId: 'worker-2', role: 'part-2' });
  assert.equal(hung?.status, 'stopped');
}

const location = await mkdtemp(join(tmpdir(), 'holdfast-'));
try {
  const first = live(location, '3');
  assert.equal(first.signal, 'SIGKILL', first.stderr);
  console.log(`killed after:\n${first.lines.join('\n')}\n`);
  assert.equal(first.lines.length, 3);

  const second = live(location);
  assert.equal(second.status, 0, second.stderr);
  console.log(`the next process:\n${second.lines.join('\n')}\n`);

  // Whoever opens the directory later can tell what happened.
  await using system = await createSystem({ location });
  await assertRight(system.client, first.lines);
  for (const sessionId of ['planner', ...workers]) await printHistory(system.client, sessionId);
} finally {
  await rm(location, { recursive: true });
}
