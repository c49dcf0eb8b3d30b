// What a model is given: the sections asked for, within its budget, saying what was left out.
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  type BuiltContext,
  buildContext,
  type ContextRequest,
  contextSections,
  estimateTokens,
  type TokenCounter,
} from '../../src/domain/session/built-context.ts';
import type { SessionConfig } from '../../src/domain/session/session-config.ts';
import type { MessageEvent } from '../../src/domain/session/session-events.ts';
import type { SessionLife } from '../support/session-life.ts';
import { message, openedAt, openLife } from '../support/session-states.ts';

const now = openedAt + 1_000;

/** One token per character, so that budgets can be read off the texts. */
const perCharacter: TokenCounter = (text) => text.length;

const wholeBudget = { tokenReserve: 0 };

function build(life: SessionLife, request: Partial<ContextRequest> = {}, count = perCharacter): BuiltContext {
  const messages = life.messages();
  return buildContext(life.state, { messages }, { include: contextSections, ...request }, now, count);
}

const textsOf = ({ conversation }: BuiltContext): readonly unknown[] | undefined =>
  conversation?.map(({ content }) => content);

/** hello, then each text as a user's message; in capitals a system's, with a `*` a pinned one. */
function lifeOf(texts: readonly string[], config: Partial<SessionConfig> = wholeBudget): SessionLife {
  const life = openLife(config);
  for (const text of texts) {
    const role = /^[A-Z]+$/.test(text) ? 'system' : 'user';
    life.send(message(text, { role, pinned: text.endsWith('*') }), openedAt);
  }
  return life;
}

describe('a context', () => {
  test('holds the sections asked for, and says what there is in all', () => {
    const life = lifeOf(['RULES', 'do it']);
    life.send({ type: 'memory.set', key: 'next', value: [1] }, openedAt);
    expect(build(life)).toEqual({
      sessionId: 's1',
      conversation: [
        { seq: 3, at: openedAt, role: 'user', content: 'hello' },
        { seq: 6, at: openedAt, role: 'system', content: 'RULES' },
        { seq: 7, at: openedAt, role: 'user', content: 'do it' },
      ],
      files: [{ path: 'a.ts', addedAt: openedAt }],
      fileIndex: [{ path: 'a.ts', metadata: { language: 'ts' }, lastAccessedAt: openedAt }],
      workingContext: { next: [1], goal: 'ship' },
      degraded: [],
      metadata: {
        ...{ conversationCount: 3, activeFileCount: 1, tokens: 15, tokenBudget: 100_000 },
        ...{ omittedMessages: 0, timestamp: now },
      },
    });
  });

  test.each(contextSections)('of only %s has no other', (section) => {
    const built = build(openLife(), { include: [section] });
    expect(Object.keys(built).sort()).toEqual(['degraded', 'metadata', section, 'sessionId'].sort());
  });

  test('passes on tool calls, their ids and names where there are any', () => {
    const life = openLife();
    const calls = { toolCalls: [{ id: 't' }], toolCallId: 't', name: 'grep' };
    life.send(message(null, { role: 'tool', ...calls, metadata: { hidden: true } }), openedAt);
    expect(build(life).conversation?.at(-1)).toEqual({
      ...{ seq: 6, at: openedAt, role: 'tool', content: null, ...calls },
    });
  });

  test('has any key of the working context as its own, newest first', () => {
    const life = openLife();
    for (const key of ['b', '__proto__', 'constructor', 'a']) {
      life.send({ type: 'memory.set', key, value: key }, openedAt);
    }
    const { workingContext = {} } = build(life);
    expect(Object.entries(workingContext).map(([key, value]) => [key, value])).toEqual([
      ['a', 'a'],
      ['constructor', 'constructor'],
      ['__proto__', '__proto__'],
      ['b', 'b'],
      ['goal', 'ship'],
    ]);
    expect(Object.getPrototypeOf(workingContext)).toBe(Object.prototype);
  });

  test('says which section could not be built, and holds the others', () => {
    const life = openLife();
    const loaded = { messages: [], problem: 'the record 3 is damaged' };
    const built = buildContext(life.state, loaded, { include: contextSections }, now, perCharacter);
    expect(built.degraded).toEqual([{ section: 'conversation', problem: 'the record 3 is damaged' }]);
    expect(built.files).toHaveLength(1);
    expect(built.metadata).toMatchObject({ conversationCount: 1, omittedMessages: 1 });
  });
});

describe('the limits of a context', () => {
  test('leave out the oldest messages first, and say how many', () => {
    const life = lifeOf(['aa', 'bb', 'cc']);
    const built = build(life, { maxMessages: 2 });
    expect(textsOf(built)).toEqual(['bb', 'cc']);
    expect(built.metadata).toMatchObject({ conversationCount: 4, omittedMessages: 2, tokens: 4 });
    expect(textsOf(build(life, { maxMessages: 0 }))).toEqual([]);
    expect(textsOf(build(life, { maxMessages: 9 }))).toHaveLength(4);
  });

  test('leave system and pinned messages in, beside those that they count', () => {
    const life = lifeOf(['RULES', 'aa*', 'bb', 'cc']);
    expect(textsOf(build(life, { maxMessages: 1 }))).toEqual(['RULES', 'aa*', 'cc']);
    expect(textsOf(build(life, { maxMessages: 0 }))).toEqual(['RULES', 'aa*']);
  });

  test('leave out the oldest files first', () => {
    const life = openLife();
    for (const path of ['b', 'c']) life.send({ type: 'file.add', path }, openedAt);
    const pathsOf = (maxFiles: number) => build(life, { maxFiles }).files?.map(({ path }) => path);
    expect([pathsOf(2), pathsOf(0), pathsOf(9)]).toEqual([['b', 'c'], [], ['a.ts', 'b', 'c']]);
  });
});

describe('the token budget', () => {
  test('takes the newest messages that fit, to the token', () => {
    const life = lifeOf(['aaa', 'bbb', 'ccc']);
    const at = (tokenBudget: number) => build(life, { tokenBudget });
    expect(textsOf(at(6))).toEqual(['bbb', 'ccc']);
    expect(textsOf(at(5))).toEqual(['ccc']);
    expect(textsOf(at(2))).toEqual([]);
    expect(at(6).metadata).toMatchObject({ tokens: 6, tokenBudget: 6, omittedMessages: 2 });
  });

  test('leaves no hole: what is older than the first that does not fit is left out too', () => {
    expect(textsOf(build(lifeOf(['a', 'far too long', 'b']), { tokenBudget: 5 }))).toEqual(['b']);
  });

  test('keeps system and pinned messages, also when they alone are over it', () => {
    const life = lifeOf(['RULES', 'aa*', 'bb', 'cc']);
    expect(textsOf(build(life, { tokenBudget: 10 }))).toEqual(['RULES', 'aa*', 'cc']);
    const over = build(life, { tokenBudget: 3 });
    expect(textsOf(over)).toEqual(['RULES', 'aa*']);
    expect(over.metadata).toMatchObject({ tokens: 8, tokenBudget: 3, omittedMessages: 3 });
  });

  test('leaves its reserve free for the answer', () => {
    const life = lifeOf(['aaaa', 'bbbbb'], { tokenReserve: 0.1 });
    expect(textsOf(build(life, { tokenBudget: 10 }))).toEqual(['aaaa', 'bbbbb']);
    expect(textsOf(build(life, { tokenBudget: 9 }))).toEqual(['bbbbb']);
    expect(textsOf(build(lifeOf(['aaaa'], { tokenReserve: 0.9 }), { tokenBudget: 39 }))).toEqual([]);
  });

  test('is that of the session where none is given', () => {
    const life = lifeOf(['aaa', 'bbb'], { tokenBudget: 4, tokenReserve: 0 });
    expect(textsOf(build(life))).toEqual(['bbb']);
    expect(build(life).metadata.tokenBudget).toBe(4);
  });

  test('counts content, parts and tool calls, by the counter that it is given', () => {
    const life = openLife(wholeBudget);
    life.send({ type: 'message.send', message: { role: 'user', content: [{ t: 'x' }] } }, openedAt);
    life.send(message(null, { role: 'assistant', toolCalls: [1] }), openedAt);
    const counted: string[] = [];
    const { metadata } = build(life, {}, (text) => counted.push(text) * 0 + 7);
    expect(new Set(counted)).toEqual(new Set(['hello', '[{"t":"x"}]', '""[1]']));
    expect(metadata.tokens).toBe(21);
  });

  test('is estimated at a quarter of the characters, at least one', () => {
    expect(['', 'a', 'abcd', 'abcde', 'x'.repeat(4_000)].map(estimateTokens)).toEqual([1, 1, 1, 2, 1_000]);
  });
});

test('property: a context is in order, within its budget but for what must stay, and nothing that fits is missing', () => {
  const sent = fc.record({
    text: fc.string({ maxLength: 12 }),
    role: fc.constantFrom('system', 'user', 'user', 'user'),
    pinned: fc.boolean(),
  });
  fc.assert(
    fc.property(fc.array(sent, { maxLength: 30, size: 'max' }), fc.nat(120), (all, tokenBudget) => {
      const life = openLife({ tokenReserve: 0 });
      for (const { text, ...more } of all) life.send(message(text, more), openedAt);
      const messages = life.messages();
      const built = build(life, { tokenBudget });
      const chosen = built.conversation?.map(({ seq }) => seq) ?? [];
      const stays = ({ data }: MessageEvent): boolean => data.role === 'system' || data.pinned === true;
      const costOf = ({ data }: MessageEvent): number => String(data.content).length;
      const left = messages.filter(({ seq }) => !chosen.includes(seq));
      const others = messages.filter((event) => !stays(event) && chosen.includes(event.seq));
      expect(chosen).toEqual([...chosen].sort((a, b) => a - b));
      expect(left.filter(stays)).toEqual([]);
      expect(built.metadata.omittedMessages).toBe(left.length);
      const tokens = messages
        .filter(({ seq }) => chosen.includes(seq))
        .reduce((sum, m) => sum + costOf(m), 0);
      expect(built.metadata.tokens).toBe(tokens);
      if (others.length > 0) expect(tokens).toBeLessThanOrEqual(tokenBudget);
      const next = left.at(-1);
      if (next === undefined) return;
      expect(others.every(({ seq }) => seq > next.seq)).toBe(true);
      expect(tokens + costOf(next)).toBeGreaterThan(tokenBudget);
    }),
    { numRuns: 300 },
  );
});
