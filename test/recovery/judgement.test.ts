// How the kill campaign judges order: a message that comes too late is found, one that was refused and asked again is not.
import { expect, test } from 'vitest';
import { judge } from '../torture/kill/judgement.ts';
import type { SeenEvent } from '../torture/kill/order.ts';
import type { Entry } from '../torture/kill/order-book.ts';

const messageOf = (number: number): Entry => ({
  order: {
    client: 3,
    number,
    call: {
      key: `c3-${number}`,
      operation: 'messages.send',
      input: { sessionId: 's', role: 'user', content: 'x', metadata: { by: `c3-${number}` } },
    },
  },
  outcome: undefined,
});

const sent = (seq: number, number: number): SeenEvent => ({
  seq,
  type: 'message.sent',
  key: `c3-${number}`,
  data: { role: 'user', content: 'x', metadata: { by: `c3-${number}` } },
});

const edge = (seq: number, to: string): SeenEvent => ({
  seq,
  type: 'session.statusChanged',
  key: undefined,
  data: { to },
});

function disorder(events: readonly SeenEvent[]): readonly string[] {
  const entries = new Map([1, 2, 3].map((number) => [`c3-${number}`, messageOf(number)]));
  const sessions = new Map([['s', events]]);
  return judge(entries, { sessions, problems: [] } as never).found['out of order'];
}

test('what stands in the order in which it was sent is in order', () => {
  expect(disorder([sent(1, 1), sent(2, 2), sent(3, 3)])).toEqual([]);
});

test('a message behind one that was sent after it is too late', () => {
  expect(disorder([sent(1, 1), sent(2, 3), sent(3, 2)])).toEqual(['c3-2 at 3 of s is too late']);
  expect(disorder([edge(1, 'paused'), edge(2, 'active'), sent(3, 1), sent(4, 3), sent(5, 2)]).length).toBe(1);
  expect(disorder([sent(1, 1), sent(2, 3), edge(3, 'paused'), edge(4, 'active'), sent(5, 2)]).length).toBe(1);
});

test('unless it may have been refused in between, and asked again after the refusal was lost', () => {
  expect(disorder([sent(1, 1), edge(2, 'paused'), edge(3, 'active'), sent(4, 3), sent(5, 2)])).toEqual([]);
});
