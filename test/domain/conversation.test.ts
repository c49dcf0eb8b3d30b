// Messages: kept as they were sent and in their order, the newest of them at hand, numbered without gaps.
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { isKept, keptSeqs, maxKept } from '../../src/domain/session/conversation.ts';
import type { NewMessage, RestoreSession } from '../../src/domain/session/session-commands.ts';
import type { SessionConfig } from '../../src/domain/session/session-config.ts';
import type { FileData, MessageData, MessageEvent } from '../../src/domain/session/session-events.ts';
import { contextOf, type SessionState } from '../../src/domain/session/session-state.ts';
import {
  anyCommands,
  contentCommands,
  live,
  profileOf,
  smallConfig,
} from '../support/session-arbitraries.ts';
import type { SessionLife } from '../support/session-life.ts';
import { message, openedAt, openLife, profile } from '../support/session-states.ts';

const contents = ({ conversation }: SessionState): readonly unknown[] =>
  conversation.window.toArray().map(({ data }) => data.content);

const say = (life: SessionLife, ...texts: readonly (string | null)[]): void => {
  for (const text of texts) life.send(message(text), openedAt + 1);
};

const bytesOf = (text: string): number => new TextEncoder().encode(text).length;

describe('a message', () => {
  test('keeps its content: the empty text, null and an empty list differ', () => {
    const life = openLife();
    say(life, '', null);
    life.send({ type: 'message.send', message: { role: 'user', content: [] } }, openedAt);
    expect(contents(life.state)).toEqual(['hello', '', null, []]);
    expect(life.recorded().map(({ data }) => data)).toMatchObject(
      life.steps.map(({ event }) => JSON.parse(JSON.stringify(event.data))),
    );
  });

  test('keeps all that it came with, and its place among the entries', () => {
    const life = openLife();
    const sent: NewMessage = {
      ...{ role: 'tool', content: [{ type: 'text', text: 'x' }], toolCalls: [{ id: 1 }], toolCallId: 't1' },
      ...{ name: 'grep', metadata: { a: null }, pinned: true, processingMs: 12 },
    };
    expect(life.send({ type: 'message.send', message: sent }, openedAt + 7)).toMatchObject({
      reply: { entry: 3, messages: 2 },
    });
    const newest = life.state.conversation.window.at(1);
    expect(newest).toMatchObject({ seq: 6, at: openedAt + 7, data: { ...sent, entry: 3 } });
  });

  test('has the size in bytes of what a model reads of it', () => {
    const sizes: readonly [NewMessage, number][] = [
      [{ role: 'user', content: '' }, 0],
      [{ role: 'user', content: null }, 0],
      [{ role: 'user', content: 'abc' }, 3],
      [{ role: 'user', content: 'äöü' }, 6],
      [{ role: 'user', content: '日本' }, 6],
      [{ role: 'user', content: '🙂' }, 4],
      [{ role: 'user', content: ['日'] }, bytesOf('["日"]')],
      [{ role: 'user', content: 'a', toolCalls: [{ n: 'ä' }] }, 1 + bytesOf('[{"n":"ä"}]')],
    ];
    for (const [sent, size] of sizes) {
      const life = openLife();
      life.send({ type: 'message.send', message: sent }, openedAt);
      expect(life.steps.at(-1)?.event.data).toMatchObject({ size });
    }
  });
});

describe('the window', () => {
  const windowOf = (config: Partial<SessionConfig>, ...texts: readonly string[]): readonly unknown[] => {
    const life = openLife(config);
    say(life, ...texts);
    return contents(life.state);
  };

  test('holds the newest messages, oldest first, and as many as it may', () => {
    expect(windowOf({ messageWindow: 3 }, 'a', 'b')).toEqual(['hello', 'a', 'b']);
    expect(windowOf({ messageWindow: 3 }, 'a', 'b', 'c', 'd')).toEqual(['b', 'c', 'd']);
    expect(windowOf({ messageWindow: 1 }, 'a', 'b')).toEqual(['b']);
  });

  test('holds as many bytes as it may, to the byte', () => {
    expect(windowOf({ messageWindowBytes: 9 }, 'abcd')).toEqual(['hello', 'abcd']);
    expect(windowOf({ messageWindowBytes: 8 }, 'abcd')).toEqual(['abcd']);
    expect(windowOf({ messageWindowBytes: 9 }, 'ääää')).toEqual(['ääää']);
  });

  test('always holds the newest message, also one larger than all that it may hold', () => {
    expect(windowOf({ messageWindowBytes: 3 }, 'ab', 'far too long')).toEqual(['far too long']);
    expect(windowOf({ messageWindowBytes: 3 }, 'far too long', 'ab')).toEqual(['ab']);
    expect(windowOf({ messageWindow: 0, messageWindowBytes: 0 }, 'a', 'b')).toEqual(['b']);
  });

  test('becomes smaller when its limits are lowered, and fills again when they are raised', () => {
    const life = openLife();
    say(life, 'a', 'b', 'c');
    life.send({ type: 'session.configure', changes: {}, config: { messageWindow: 2 } }, openedAt);
    expect(contents(life.state)).toEqual(['b', 'c']);
    life.send({ type: 'session.configure', changes: {}, config: { messageWindowBytes: 1 } }, openedAt);
    expect(contents(life.state)).toEqual(['c']);
    const config = { messageWindow: 9, messageWindowBytes: 9 };
    life.send({ type: 'session.configure', changes: {}, config }, openedAt);
    say(life, 'd');
    expect(contents(life.state)).toEqual(['c', 'd']);
  });

  test('does not count what is no message, and counts what left it', () => {
    const life = openLife({ messageWindow: 1 });
    say(life, 'a', 'b');
    expect(contextOf(life.state)).toMatchObject({ messages: 3, entries: 4 });
  });

  test('property: it is the end of all that was sent since it was cleared, within both bounds', () => {
    fc.assert(
      fc.property(profileOf(smallConfig), anyCommands, (given, commands) => {
        const { life } = live(given, commands);
        const { window, windowBytes } = life.state.conversation;
        const all = life.messages();
        const said = (messages: readonly MessageEvent[]): unknown =>
          messages.map(({ seq, at, data }) => ({ seq, at, data }));
        expect(said(window.toArray())).toEqual(said(all.slice(all.length - window.length)));
        expect(window.length > 0).toBe(all.length > 0);
        expect(contextOf(life.state).messages).toBe(all.length);
        expect(windowBytes).toBe(window.toArray().reduce((sum, { data }) => sum + data.size, 0));
      }),
      { numRuns: 300 },
    );
  });

  test('property: a window of fixed limits is within both, and as full as they allow', () => {
    const texts = fc.array(fc.string({ maxLength: 8 }), { minLength: 1, maxLength: 20, size: 'max' });
    fc.assert(
      fc.property(
        texts,
        fc.integer({ min: 1, max: 9 }),
        fc.integer({ min: 1, max: 30 }),
        (all, count, bytes) => {
          const life = openLife({ messageWindow: count, messageWindowBytes: bytes });
          say(life, ...all);
          const sent = ['hello', ...all];
          let [fits, total] = [0, 0];
          for (const text of [...sent].reverse()) {
            total += bytesOf(text);
            if (fits > 0 && (fits === count || total > bytes)) break;
            fits += 1;
          }
          expect(contents(life.state)).toEqual(sent.slice(-fits));
        },
      ),
    );
  });
});

describe('clearing', () => {
  test('empties the conversation with its pins, and what was before belongs to it no more', () => {
    const life = openLife();
    life.send(message('rules', { role: 'system' }), openedAt);
    life.send({ type: 'message.pin', seq: 3 }, openedAt);
    expect(life.send({ type: 'conversation.clear' }, openedAt)).toMatchObject({ reply: { messages: 2 } });
    const { conversation } = life.state;
    expect(contents(life.state)).toEqual([]);
    expect(keptSeqs(conversation)).toEqual([]);
    expect(conversation.clearedThrough).toBe(life.seq);
    expect(contextOf(life.state)).toMatchObject({ messages: 0, entries: 3 });
  });

  test('what is empty changes nothing', () => {
    const life = openLife();
    life.send({ type: 'conversation.clear' }, openedAt);
    const before = life.state;
    expect(life.send({ type: 'conversation.clear' }, openedAt)).toEqual({
      events: [],
      reply: { messages: 0 },
    });
    expect(life.state).toBe(before);
  });
});

describe('pinning', () => {
  test('keeps a message until it is unpinned, also when it has left the window', () => {
    const life = openLife({ messageWindow: 1 });
    life.send({ type: 'message.pin', seq: 3 }, openedAt);
    say(life, 'a', 'b');
    expect(isKept(life.state.conversation, 3)).toBe(true);
    life.send({ type: 'message.unpin', seq: 3 }, openedAt);
    expect(isKept(life.state.conversation, 3)).toBe(false);
  });

  test('twice changes nothing', () => {
    const life = openLife();
    life.send({ type: 'message.pin', seq: 3 }, openedAt);
    expect(life.send({ type: 'message.pin', seq: 3 }, openedAt)).toMatchObject({ events: [] });
  });

  test.each([
    ['what is no message', 4],
    ['what is not there yet', 99],
  ])('refuses %s', (_, seq) => {
    const outcome = openLife().send({ type: 'message.pin', seq }, openedAt);
    expect(outcome).toEqual({ refusal: { code: 'MESSAGE_NOT_FOUND', details: { sessionId: 's1', seq } } });
  });

  test('refuses a message that was cleared meanwhile', () => {
    const life = openLife();
    life.send({ type: 'conversation.clear' }, openedAt);
    say(life, 'new');
    const outcome = life.send({ type: 'message.pin', seq: 3 }, openedAt);
    expect(outcome).toMatchObject({ refusal: { code: 'MESSAGE_NOT_FOUND' } });
  });

  test('refuses more than a context can hold, sent or pinned later; a system message is taken all the same', () => {
    const life = openLife();
    const pinned = { role: 'user', content: 'x', pinned: true } as const;
    const full: RestoreSession = {
      type: 'session.restore',
      data: { savedAt: 0, savedSeq: 0, createdAt: 0, profile, files: [], fileIndex: [], memory: [] },
      messages: Array.from({ length: maxKept }, () => ({ at: openedAt, message: pinned })),
    };
    life.send(full, openedAt);
    expect(keptSeqs(life.state.conversation)).toHaveLength(maxKept);
    const before = life.state;
    const refusal = { code: 'AT_CAPACITY', details: { sessionId: 's1', size: maxKept, limit: maxKept } };
    expect(life.send({ type: 'message.send', message: pinned }, openedAt)).toMatchObject({ refusal });
    expect(life.state).toBe(before);
    life.send(message('rules', { role: 'system' }), openedAt);
    say(life, 'plain');
    expect(life.send({ type: 'message.pin', seq: life.seq }, openedAt)).toMatchObject({ refusal });
    expect(contextOf(life.state).messages).toBe(maxKept + 2);
    expect(keptSeqs(life.state.conversation)).toHaveLength(maxKept);
  });
});

describe('entries', () => {
  test('property: messages, files and tool calls are numbered from 1 without gaps, through every life', () => {
    fc.assert(
      fc.property(profileOf(smallConfig), fc.oneof(contentCommands, anyCommands), (given, commands) => {
        const { life } = live(given, commands);
        const entries = life.steps
          .filter(({ event }) => ['message.sent', 'file.added', 'tool.called'].includes(event.type))
          .map(({ event }) => event.data as MessageData | FileData);
        expect(entries.map(({ entry }) => entry)).toEqual(entries.map((_, i) => i + 1));
        for (const { size } of entries) expect(size).toBeGreaterThanOrEqual(0);
        expect(contextOf(life.state).entries).toBe(entries.length);
      }),
      { numRuns: 300 },
    );
  });
});
