// Two ways of doing one thing, tried side by side: a session is forked twice, both forks work on, what they found is compared, and the
// better one is merged back with where each thing was said.
import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createSystem } from 'holdfast';

const location = await mkdtemp(join(tmpdir(), 'holdfast-'));
try {
  await using system = await createSystem({ location });
  const { sessions, messages, memory, files, tasks } = system.client;
  const { sessionId } = await sessions.create({ name: 'refactoring' });
  const say = (id: string, content: string) => messages.send({ sessionId: id, role: 'assistant', content });
  const said = async (id: string) => (await messages.list({ sessionId: id })).items.map((one) => one.content);

  await say(sessionId, 'The parser is slow.');
  await memory.set({ sessionId, key: 'plan', value: { measure: true, rewrite: 'undecided' } });

  // Each fork goes on from here; the past is read from the session, and nothing of it is copied but the state.
  const table = await sessions.fork({ sessionId, newSessionId: 'with-a-table' });
  const hand = await sessions.fork({ sessionId, newSessionId: 'by-hand' });
  await say(table.sessionId, 'A table makes it twice as fast.');
  await say(hand.sessionId, 'By hand it is five times as fast.');
  await files.add({ sessionId: hand.sessionId, path: 'src/parser.ts', metadata: { lines: 210 } });
  await memory.set({ sessionId: hand.sessionId, key: 'plan', value: { measure: true, rewrite: 'by hand' } });
  const task = { sessionId: hand.sessionId, taskId: 'bench' };
  await tasks.create({ ...task, title: 'Measure it' });
  await tasks.start({ ...task, owner: 'me' });
  await tasks.complete({ ...task, result: { times: 5 } });
  assert.deepEqual(await said(hand.sessionId), ['The parser is slow.', 'By hand it is five times as fast.']);

  // Meanwhile the session itself went on.
  await memory.set({ sessionId, key: 'plan', value: { measure: 'done', rewrite: 'undecided' } });

  const { items, ancestor } = await sessions.compare({ sessionId, otherSessionId: hand.sessionId });
  assert.equal(ancestor?.version, hand.from.seq);
  assert.deepEqual(
    items.map(({ part, kind }) => `${part} ${kind}`),
    ['context differs', 'file onlyThere', 'index onlyThere', 'task onlyThere', 'message onlyThere'],
  );

  const {
    merged,
    conflicts,
    tasks: done,
  } = await sessions.merge({ sessionId, fromSessionId: hand.sessionId });
  assert.deepEqual(conflicts, []);
  assert.equal(done, 1);
  const plan = await memory.get({ sessionId, key: 'plan' });
  assert.deepEqual(plan.value, { measure: 'done', rewrite: 'by hand' });
  const [, told] = (await messages.list({ sessionId })).items;
  assert.equal(told?.origin?.sessionId, 'by-hand');

  // Again it brings only what is new since: nothing.
  const again = await sessions.merge({ sessionId, fromSessionId: hand.sessionId });
  assert.deepEqual(again.merged, { messages: 0, files: 0, context: 0, removed: 0 });

  const { anchor } = await sessions.verify({ sessionId: table.sessionId });
  assert.equal(anchor?.standing, 'held');
  const { items: forks } = await sessions.forks({ sessionId });
  console.log(`${forks.length} forks tried, ${merged.messages} message and ${done} task merged back`);
} finally {
  await rm(location, { recursive: true });
}
