// A gate is code of the user's: what it answers passes a result only where it says so.
import { expect, onTestFinished, test } from 'vitest';
import { richCodecs } from '../../src/base/payload-codec.ts';
import type { TaskGate } from '../../src/system.ts';
import { createTestSystem } from '../../src/testing/index.ts';
import { quiet } from '../support/outcome.ts';

const task = { sessionId: 'a', taskId: 't' };

async function judged(answer: unknown): Promise<unknown> {
  const gate = (() => answer) as TaskGate;
  const system = await createTestSystem({ tasks: { gates: { gate } } });
  onTestFinished(() => system.close());
  const { sessions, tasks } = system.client;
  await sessions.create({ sessionId: 'a' });
  await tasks.create({ ...task, title: 'T', gates: ['gate'], retry: { maxAttempts: 1 } });
  const { epoch } = await tasks.start(task);
  await tasks.complete({ ...task, epoch, result: 1 });
  for (;;) {
    const { status, verdicts } = await tasks.get(task);
    if (status !== 'validating') return { status, verdicts };
    await quiet(1);
  }
}

const noVerdict = { ok: false, severity: 'error', problem: 'what it answered is no verdict' };

test.each([
  ['nothing that is there', null, noVerdict],
  ['a number', 1, noVerdict],
  ['an object without a verdict', { problem: 'p' }, noVerdict],
  [
    'a severity of its own',
    { ok: false, severity: 'fatal', problem: 'p' },
    { severity: 'error', problem: 'p' },
  ],
  ['a problem that is no text', { ok: false, problem: 5 }, { severity: 'error', problem: '5' }],
])('%s does not pass', async (_, answer, verdict) => {
  expect(await judged(answer)).toMatchObject({
    status: 'failed',
    verdicts: [{ gate: 'gate', ok: false, ...verdict }],
  });
});

test('a warning is noted, and passes', async () => {
  const warning = { ok: false, severity: 'warning', problem: 'p' };
  expect(await judged(warning)).toMatchObject({
    status: 'completed',
    verdicts: [{ gate: 'gate', ...warning }],
  });
});

test('a gate is given values as they are, and not as a codec has written them', async () => {
  const at = new Date(5);
  const seen: unknown[] = [];
  const gate: TaskGate = ({ input, result, task: { metadata } }) => void seen.push(input, result, metadata);
  await using system = await createTestSystem({ codecs: richCodecs, tasks: { gates: { gate } } });
  const { sessions, tasks } = system.client;
  await sessions.create({ sessionId: 'a' });
  await tasks.create({ ...task, title: 'T', gates: ['gate'], input: at, metadata: { at } });
  const { epoch } = await tasks.start(task);
  await tasks.complete({ ...task, epoch, result: new Map([['at', at]]) });
  while (seen.length === 0) await quiet(1);
  expect(seen).toEqual([at, new Map([['at', at]]), { at }]);
});
