// What the law makes of events without their payloads: life and replay agree whatever was erased when, nothing of it is left in
// any state, and everything else is as it was.
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { eventTypes } from '../../src/domain/event-vocabulary.ts';
import { erasabilityOf, evolveErased } from '../../src/domain/session/erasure.ts';
import { defaultSessionConfig } from '../../src/domain/session/session-config.ts';
import { sessionLaw } from '../../src/domain/session/session-law.ts';
import { contextOf, initialSession, statusOf } from '../../src/domain/session/session-state.ts';
import { anyCommand, profileOf, smallConfig } from '../support/session-arbitraries.ts';
import { replay, SessionLife } from '../support/session-life.ts';
import { message, openedAt, openLife } from '../support/session-states.ts';
import { viewOf } from '../support/session-view.ts';

const { encode, decode, evolve } = sessionLaw;

/** A command, or an erasure: of one message, by its place among them, or of all. */
const move = fc.oneof(
  { weight: 12, arbitrary: fc.record({ command: anyCommand }) },
  { weight: 3, arbitrary: fc.record({ message: fc.double({ min: 0, max: 0.999, noNaN: true }) }) },
  { weight: 1, arbitrary: fc.constant({ all: true }) },
);

const moves = fc.array(fc.tuple(fc.integer({ min: -500, max: 2_000 }), move), { maxLength: 60, size: 'max' });

function lived(
  life: SessionLife,
  made: readonly [number, typeof move extends fc.Arbitrary<infer M> ? M : never][],
): number {
  let [now, erased] = [openedAt, 0];
  for (const [afterMs, given] of made) {
    now += afterMs;
    if ('command' in given) life.send(given.command, now);
    else if ('all' in given) erased += life.eraseSession(now) ? 1 : 0;
    else {
      const messages = life.erasable();
      const seq = messages[Math.floor(given.message * messages.length)];
      if (seq !== undefined && life.eraseMessage(seq, now)) erased += 1;
    }
  }
  return erased;
}

test('a life, its replay, and any snapshot with the events after it are the same, whatever was erased when', () => {
  let erasures = 0;
  fc.assert(
    fc.property(
      profileOf(smallConfig),
      moves,
      fc.double({ min: 0, max: 1, noNaN: true }),
      (profile, made, part) => {
        const life = new SessionLife();
        life.send({ type: 'session.create', profile }, openedAt);
        erasures += lived(life, made);
        const events = life.recorded();
        const seq = Math.floor(part * events.length);
        const text = encode(life.state);
        expect(encode(replay(sessionLaw, initialSession(life.stream), events))).toBe(text);
        expect(encode(decode(text))).toBe(text);
        expect(encode(replay(sessionLaw, decode(encode(life.at(seq))), events.slice(seq)))).toBe(text);
        expect(viewOf(decode(text))).toEqual(viewOf(life.state));
      },
    ),
    { numRuns: 120 },
  );
  expect(erasures).toBeGreaterThan(50);
});

describe('a session that is erased as a whole', () => {
  test('is the same from what it was and from what its records lead to, and says nothing', () => {
    fc.assert(
      fc.property(profileOf(smallConfig), moves, (given, made) => {
        const profile = { ...given, name: 'SECRET', metadata: { SECRET: 'SECRET' } };
        const life = new SessionLife();
        life.send({ type: 'session.create', profile }, openedAt);
        lived(life, made);
        life.send(message('SECRET'), openedAt);
        const before = life.state;
        fc.pre(life.eraseSession(openedAt));
        const event = life.steps.at(-1)?.event;
        expect(event && encode(evolve(before, event) ?? before)).toBe(encode(life.state));
        expect(JSON.stringify(life.recorded().filter(({ type }) => !mayTell.has(type)))).not.toContain(
          'SECRET',
        );
        expect(encode(life.state)).not.toContain('SECRET');
        expect(statusOf(life.state)).toBe(statusOf(before));
        const { reason: _, error: __, updatedAt: ___, ...numbers } = contextOf(before);
        expect(contextOf(life.state)).toMatchObject(numbers);
        expect(life.state.profile.config).toEqual(before.profile.config);
      }),
      { numRuns: 60 },
    );
  });
});

/** Reasons of the caller's stand in them, which are never erased. */
const mayTell: ReadonlySet<string> = new Set(eventTypes.filter((type) => erasabilityOf(type) === 'never'));

test('of a message that is erased only what it said is gone: all else is as it would be without its words', () => {
  const life = openLife({ messageWindow: 100 });
  for (const content of ['a', 'SECRET', 'b', 'c']) life.send(message(content), openedAt);
  life.send({ type: 'memory.set', key: 'k', value: 1 }, openedAt);
  const before = life.state;
  const [, seq = 0] = life.erasable();
  expect(life.eraseMessage(seq, openedAt + 5)).toBe(true);
  const { conversation, lifecycle: _, ...others } = life.state;
  const { conversation: former, lifecycle: __, ...same } = before;
  expect(others).toEqual(same);
  expect(contextOf(life.state)).toEqual({ ...contextOf(before), updatedAt: openedAt + 5 });
  const window = former.window.toArray().filter((sent) => sent.seq !== seq);
  expect(conversation.window.toArray()).toEqual(window);
  expect(life.recorded()[seq - 1]).toMatchObject({ type: 'message.sent', seq, data: undefined });
});

test('what comes back into the window is what was there before, when what was erased had pushed it out', () => {
  const life = openLife({ ...defaultSessionConfig, messageWindowBytes: 10 });
  for (const content of ['12345', 'x'.repeat(9), '1']) life.send(message(content), openedAt);
  const contents = (): unknown[] => life.state.conversation.window.toArray().map(({ data }) => data.content);
  expect(contents()).toEqual(['x'.repeat(9), '1']);
  life.eraseMessage(life.erasable().at(-2) ?? 0, openedAt);
  expect(contents()).toEqual(['12345', '1']);
});

test('an event that says what became of a session is not lawful without its payload', () => {
  const life = openLife();
  const never = eventTypes.filter((type) => erasabilityOf(type) === 'never');
  expect(never).toContain('session.statusChanged');
  expect(never).toContain('payload.erased');
  for (const type of [...never, 'of.nobody'])
    expect(
      evolveErased(life.state, { stream: life.stream, seq: 3, at: 1, type, typeVersion: 1, data: undefined }),
    ).toBeUndefined();
});
