// A state as text: nothing that a reader can see is missing from it, and what is read from it lives on as the original.
import { isDeepStrictEqual } from 'node:util';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { AppendList } from '../../src/base/append-list.ts';
import { ShardedMap } from '../../src/base/sharded-map.ts';
import { sessionLaw } from '../../src/domain/session/session-law.ts';
import { resolveLifecycle, sessionStatuses } from '../../src/domain/session/session-lifecycle.ts';
import { contextOf, type SessionState, statusOf } from '../../src/domain/session/session-state.ts';
import { anyCommands, live, profileOf, smallConfig } from '../support/session-arbitraries.ts';
import { replay, type SessionLife } from '../support/session-life.ts';
import {
  lives,
  message,
  openedAt,
  openLife,
  reason,
  startOf,
  stateNames,
} from '../support/session-states.ts';
import { viewOf } from '../support/session-view.ts';

const { encode, decode } = sessionLaw;

/** A state in which nothing is empty. */
function richState(): SessionState {
  const life = openLife();
  life.send(message('rules', { role: 'system', pinned: true }), openedAt + 1);
  life.send(
    message(null, { toolCalls: [{ id: 1 }], toolCallId: 't', name: 'n', metadata: { a: [1] } }),
    openedAt + 2,
  );
  life.send(
    { type: 'message.send', message: { role: 'user', content: [{ text: 'x' }], processingMs: 1 } },
    openedAt,
  );
  for (const path of ['b', 'c']) life.send({ type: 'file.add', path, metadata: { n: 1 } }, openedAt + 3);
  for (const key of ['x', 'y']) life.send({ type: 'memory.set', key, value: { deep: [null] } }, openedAt + 4);
  workOn(life);
  life.send({ type: 'session.pause', reason }, openedAt + 5);
  life.send({ type: 'session.hibernate', reason }, openedAt + 6);
  return life.state;
}

/** A run with something of everything that it can have done and wait for. */
function workOn(life: SessionLife): void {
  const run = { runId: 'r1', incarnation: 1 };
  const at = openedAt + 4;
  life.send(startOf('r1'), at);
  life.send({ type: 'step.complete', ...run, step: 'a', result: 1 }, at);
  life.send({ type: 'run.signal', name: 'early', payload: 1 }, at);
  life.send({ type: 'wait.start', ...run, step: 'early', signal: 'early', deadlineAt: null }, at);
  life.send({ type: 'run.signal', name: 'kept', payload: 1 }, at);
  life.send({ type: 'wait.start', ...run, step: 'w', signal: 'w', deadlineAt: at + 9 }, at);
  life.send({ type: 'timer.set', ...run, step: 't', dueAt: at + 9 }, at);
  life.send({ type: 'effect.start', ...run, step: 'e' }, at);
  life.send(startOf('r2', { parentRunId: 'r1', parentStep: 'c' }), at);
}

type Variant = readonly [path: string, value: unknown];

/** Every way in which one thing in a value can be another, or be missing. */
function* variantsOf(value: unknown): Generator<Variant> {
  if (value === null || typeof value !== 'object') yield ['', otherThan(value)];
  else if (value instanceof AppendList) yield* variantsOfList(value);
  else if (value instanceof ShardedMap) yield* variantsOfMap(value);
  else if (Array.isArray(value)) yield* variantsOfArray(value);
  else yield* variantsOfObject(value);
}

function otherThan(value: unknown): unknown {
  if (typeof value === 'string') return `${value}~`;
  return typeof value === 'number' ? value + 1 : typeof value === 'boolean' ? !value : 'something';
}

function* variantsOfList(list: AppendList<unknown>): Generator<Variant> {
  for (const [path, items] of variantsOfArray(list.toArray())) yield [path, AppendList.of(items)];
}

function* variantsOfArray(items: readonly unknown[]): Generator<readonly [string, readonly unknown[]]> {
  for (const [i, item] of items.entries()) {
    for (const [path, other] of variantsOf(item)) yield [`[]${path}`, items.with(i, other)];
    yield ['[]', items.toSpliced(i, 1)];
  }
}

function* variantsOfMap(map: ShardedMap<unknown>): Generator<Variant> {
  for (const [key, member] of map.entries()) {
    for (const [path, other] of variantsOf(member)) yield [`{}${path}`, map.set(key, other)];
    yield ['{}', map.delete(key)];
  }
}

function* variantsOfObject(object: object): Generator<Variant> {
  for (const [key, member] of Object.entries(object)) {
    for (const [path, other] of variantsOf(member)) yield [`.${key}${path}`, { ...object, [key]: other }];
  }
}

/** The machine's snapshot is made of status and context; the rest of it is the machine. */
function* variantsOfState({ lifecycle, ...rest }: SessionState): Generator<Variant> {
  const state = { ...rest, lifecycle };
  for (const [path, other] of variantsOf(rest)) yield [path, { ...(other as object), lifecycle }];
  for (const status of sessionStatuses.filter((name) => name !== statusOf(state))) {
    yield ['.lifecycle.value', { ...state, lifecycle: resolveLifecycle(status, contextOf(state)) }];
  }
  for (const [path, other] of variantsOf(contextOf(state))) {
    const snapshot = resolveLifecycle(statusOf(state), other as ReturnType<typeof contextOf>);
    yield [`.lifecycle.context${path}`, { ...state, lifecycle: snapshot }];
  }
}

describe('the text of a state', () => {
  test('holds everything of it but what follows from the rest, and what no reader is shown', () => {
    const state = richState();
    const text = encode(state);
    const variants = [...variantsOfState(state)];
    const missed = variants.filter(([, variant]) => encode(variant as SessionState) === text);
    expect(new Set(variants.map(([path]) => path)).size).toBeGreaterThan(60);
    expect(new Set(missed.map(([path]) => path))).toEqual(
      new Set([
        ...['.conversation.window[].stream', '.conversation.window[].type', '.conversation.windowBytes'],
        ...['.files.indexBytes', '.memory.bytes', '.agents.dueAt', '.agents.parked'],
      ]),
    );
  });

  test('tells apart all the states that a session can be in', () => {
    const texts = stateNames.map((name) => encode(lives[name]().state));
    expect(new Set(texts).size).toBe(stateNames.length);
  });

  test('is the same whatever the text was read from', () => {
    const text = encode(richState());
    expect(encode(decode(text))).toBe(text);
    expect(JSON.stringify(JSON.parse(text))).toBe(text);
  });

  test.each(stateNames)('gives back a state that is %s', (name) => {
    const { state } = lives[name]();
    const back = decode(encode(state));
    expect(isDeepStrictEqual(viewOf(back), viewOf(state))).toBe(true);
    expect(statusOf(back)).toBe(statusOf(state));
  });

  test('gives back what cannot be changed', () => {
    const { conversation, profile, memory } = decode(encode(richState()));
    for (const held of [conversation.window.at(0), profile, profile.config, memory.items.get('x')]) {
      expect(Object.isFrozen(held)).toBe(true);
    }
  });
});

describe('property', () => {
  test('any state comes back from its text, with what follows from it', () => {
    fc.assert(
      fc.property(profileOf(smallConfig), anyCommands, (profile, commands) => {
        const { state } = live(profile, commands).life;
        const text = encode(state);
        const back = decode(text);
        expect(encode(back)).toBe(text);
        expect(isDeepStrictEqual(viewOf(back), viewOf(state))).toBe(true);
        expect(sessionLaw.summarize(back)).toEqual(sessionLaw.summarize(state));
        expect(sessionLaw.nextDeadline(back)).toBe(sessionLaw.nextDeadline(state));
      }),
      { numRuns: 300 },
    );
  });

  test('what is published of an event is what a journal gives back of it', () => {
    fc.assert(
      fc.property(profileOf(smallConfig), anyCommands, (profile, commands) => {
        const { life } = live(profile, commands);
        for (const [i, event] of life.recorded().entries()) {
          expect(isDeepStrictEqual(event, life.steps[i]?.event), event.type).toBe(true);
        }
      }),
    );
  });

  test('what comes back at any moment lives on as the original', () => {
    fc.assert(
      fc.property(profileOf(smallConfig), anyCommands, fc.nat(), (profile, commands, moment) => {
        const { life } = live(profile, commands);
        const seq = moment % life.seq;
        const before = life.steps[seq - 1]?.state ?? sessionLaw.initial(life.stream);
        const back = replay(sessionLaw, decode(encode(before)), life.recorded().slice(seq));
        expect(encode(back)).toBe(encode(life.state));
      }),
      { numRuns: 300 },
    );
  });
});
