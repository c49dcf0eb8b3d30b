// Three sessions plan one journey in a shared space: they count, collect and write without losing anything, hear of each other's
// writes, and settle what no rule could.
import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createSystem } from 'holdfast';

const location = await mkdtemp(join(tmpdir(), 'holdfast-'));
const [planner, scout, writer] = ['planner', 'scout', 'writer'];
const spaceId = 'journey';
try {
  const first = await createSystem({ location });
  const { sessions, spaces } = first.client;
  await spaces.create({
    spaceId,
    policies: [
      { key: 'budget', policy: 'counter' },
      { prefix: 'tags/', policy: 'set' },
      { prefix: 'log/', policy: 'append-only' },
      { key: 'itinerary', policy: 'three-way' },
      { key: 'letter', policy: 'manual' },
    ],
  });
  for (const sessionId of [planner, scout, writer]) {
    await sessions.create({ sessionId });
    await spaces.join({ spaceId, sessionId });
  }

  // Nobody has to try again what adds up.
  await Promise.all([
    spaces.increment({ spaceId, sessionId: planner, key: 'budget', by: 500 }),
    spaces.increment({ spaceId, sessionId: scout, key: 'budget', by: -120 }),
    spaces.append({ spaceId, sessionId: scout, key: 'log/scout', values: ['found a ferry'] }),
  ]);

  // Two change different parts of one plan, each without having seen the other.
  const plan = { monday: 'fly', tuesday: 'rest' };
  const { version } = await spaces.set({ spaceId, sessionId: planner, key: 'itinerary', value: plan });
  await spaces.set({ spaceId, sessionId: scout, key: 'itinerary', value: { ...plan, monday: 'ferry' } });
  const late = await spaces.set({
    ...{ spaceId, sessionId: writer, key: 'itinerary', baseVersion: version, cause: 'a note from the guide' },
    value: { ...plan, tuesday: 'museum' },
  });
  assert.equal(late.outcome, 'merged');

  // A function of what is there, tried again until nobody was faster.
  await Promise.all(
    [planner, scout, writer].map((sessionId) =>
      spaces.update({ spaceId, sessionId, key: 'votes' }, (votes) => Number(votes ?? 0) + 1),
    ),
  );

  // Text is for people or agents to merge: the second version waits in the inbox.
  const letter = await spaces.set({ spaceId, sessionId: planner, key: 'letter', value: 'Dear guest' });
  await spaces.set({ spaceId, sessionId: scout, key: 'letter', value: 'Dear guests' });
  const waiting = await spaces.set({
    ...{ spaceId, sessionId: writer, key: 'letter', baseVersion: letter.version },
    value: 'Good morning',
  });
  assert.equal(waiting.outcome, 'conflict');
  const { seq: seen } = await spaces.info({ spaceId });
  await first.close();

  // The process was gone; the space, its inbox and the place up to which the writer had heard are not.
  await using second = await createSystem({ location });
  const again = second.client.spaces;
  const heard: string[] = [];
  using _subscription = await again.subscribe(
    { spaceId, sessionId: writer, after: String(seen) },
    ({ type }) => void heard.push(type),
  );
  const [conflict] = await again.conflicts({ spaceId, sessionId: planner });
  assert.deepEqual(conflict?.authors, { mine: writer, theirs: scout });
  await again.settle({
    ...{ spaceId, sessionId: planner, conflictId: conflict?.conflictId ?? '' },
    ...{ take: 'value', value: 'Good morning, dear guests' },
  });
  await again.rollback({ spaceId, sessionId: planner, key: 'itinerary', version });
  assert.deepEqual(heard, ['space.settled', 'space.rolledBack']);

  const { items } = await again.entries({ spaceId, sessionId: scout });
  const values = Object.fromEntries(items.map(({ key, value }) => [key, value]));
  assert.deepEqual(values, {
    budget: 380,
    itinerary: plan,
    letter: 'Good morning, dear guests',
    'log/scout': ['found a ferry'],
    votes: 3,
  });
  assert.equal((await again.verify({ spaceId })).ok, true);
  console.log(`${items.length} keys, ${values.votes} votes, nothing lost`);
} finally {
  await rm(location, { recursive: true });
}
