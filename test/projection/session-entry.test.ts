// An entry of the session list is changed in place: whatever a row says, it says too, as if it were made of it.
import { expect, test } from 'vitest';
import { SessionEntry } from '../../src/projection/session-entry.ts';
import type { SessionRow } from '../../src/projection/session-row.ts';

const before: SessionRow = {
  sessionId: 'a',
  seq: 1,
  status: 'active',
  createdAt: 1,
  updatedAt: 1,
  activeAt: 1,
  idleAfterMs: null,
  dormantAfterMs: null,
  messages: 0,
  agents: 0,
  entries: null,
  name: null,
  agent: null,
  parentSessionId: null,
};

/** Another value for each. */
const after: SessionRow = {
  sessionId: 'a',
  seq: 2,
  status: 'paused',
  createdAt: 2,
  updatedAt: 3,
  activeAt: 4,
  idleAfterMs: 5,
  dormantAfterMs: 6,
  messages: 7,
  agents: 8,
  entries: 9,
  name: 'b',
  agent: 'c',
  parentSessionId: 'd',
};

test('an entry that becomes what a row says has each of its members', () => {
  const changed = new SessionEntry('session/a', before, 'active');
  changed.become(after, 'paused');
  expect(changed).toMatchObject(after);
  expect(changed).toEqual(new SessionEntry('session/a', after, 'paused'));
  const kept = Object.entries(after).filter(([name, value]) => Reflect.get(before, name) === value);
  expect(kept).toEqual([['sessionId', 'a']]);
});
