// A saved session comes back: a new life under the same id, from whatever status the former one was in.
import { describe, expect, test } from 'vitest';
import { listFiles, listIndex } from '../../src/domain/session/active-files.ts';
import { keptSeqs } from '../../src/domain/session/conversation.ts';
import type { RestoreSession } from '../../src/domain/session/session-commands.ts';
import type { SessionConfig } from '../../src/domain/session/session-config.ts';
import type { FileData, MessageData } from '../../src/domain/session/session-events.ts';
import { sessionLaw } from '../../src/domain/session/session-law.ts';
import { contextOf } from '../../src/domain/session/session-state.ts';
import { listItems } from '../../src/domain/session/working-context.ts';
import { deserializeSession, serializeSession } from '../../src/operations/session-record.ts';
import { SessionLife } from '../support/session-life.ts';
import { lives, message, openedAt, openLife, stateNames } from '../support/session-states.ts';

const savedAt = openedAt + 100;
const restoredAt = openedAt + 1_000;

/** A life with something of each kind, saved. */
function saved(config: Partial<SessionConfig> = {}): RestoreSession {
  const life = openLife(config);
  life.send(message('rules', { role: 'system' }), openedAt + 1);
  life.send(message(null, { role: 'assistant', toolCalls: [{ id: 't1' }] }), openedAt + 2);
  life.send({ type: 'message.pin', seq: 3 }, openedAt + 3);
  for (const path of ['z.ts', 'b.ts']) life.send({ type: 'file.add', path }, openedAt + 4);
  for (const key of ['z', 'b']) life.send({ type: 'memory.set', key, value: [key] }, openedAt + 5);
  life.send({ type: 'file.index', path: 'x.md', metadata: { words: 3 } }, openedAt + 6);
  return deserializeSession(
    JSON.parse(JSON.stringify(serializeSession(life.state, life.messages(), savedAt, life.seq))),
  );
}

const entriesOf = (life: SessionLife): readonly number[] =>
  life.steps
    .filter(({ event }) => ['message.sent', 'file.added', 'tool.called'].includes(event.type))
    .map(({ event }) => (event.data as MessageData | FileData).entry);

describe.each(stateNames.filter((name) => name !== 'terminating'))('restoring when %s', (name) => {
  test('opens a new life under the same id, with all that was saved', () => {
    const life = lives[name]();
    const [former, seq] = [life.status, life.seq];
    const outcome = life.decide(saved(), restoredAt);
    expect(outcome).toMatchObject({ reply: { sessionId: 's1', messages: 3 } });
    const { state } = life;
    const isKept = name !== 'initializing' && name !== 'deleted';
    const at = seq + (isKept ? 1 : 0);
    expect(state.sessionId).toBe('s1');
    expect(life.status).toBe('active');
    expect(contextOf(state)).toMatchObject({
      ...{ createdAt: openedAt, updatedAt: restoredAt, lastActivityAt: restoredAt, messages: 3 },
      ...{ reason: 'restored', error: null, cleanup: false, resumeTo: 'active' },
    });
    expect(state.conversation.window.toArray().map(({ at, data }) => [at, data.role, data.content])).toEqual([
      [openedAt, 'user', 'hello'],
      [openedAt + 1, 'system', 'rules'],
      [openedAt + 2, 'assistant', null],
    ]);
    expect(keptSeqs(state.conversation)).toEqual([at + 2, at + 3]);
    expect(listFiles(state.files).map(({ path }) => path)).toEqual(['a.ts', 'z.ts', 'b.ts']);
    expect(listIndex(state.files).map(({ path }) => path)).toEqual(['a.ts', 'x.md']);
    expect(listItems(state.memory).map(({ key }) => key)).toEqual(['b', 'z', 'goal']);
    const [restored, ...told] = life.steps.slice(at).map(({ event }) => event);
    const kept = isKept ? [{ reason: 'restore', checkpointId: `c${at}` }] : [];
    expect(state.checkpoints.list.slice(-1)).toMatchObject(kept);
    expect(restored).toMatchObject({ type: 'session.restored', data: { from: former, savedAt } });
    expect(told.at(-1)).toMatchObject({ data: { from: 'initializing', to: 'active', reason: 'restored' } });
  });

  test('goes on counting entries where the former life ended, so that none has the number of another', () => {
    const life = lives[name]();
    life.decide(saved(), restoredAt);
    life.send(message('and on'), restoredAt);
    const entries = entriesOf(life);
    expect(entries).toEqual(entries.map((_, i) => i + 1));
    expect(contextOf(life.state).entries).toBe(entries.length);
  });
});

describe('restoring', () => {
  test('does not interrupt an ending', () => {
    const life = lives.terminating();
    const before = life.state;
    expect(life.decide(saved(), restoredAt)).toEqual({
      refusal: {
        code: 'INVALID_TRANSITION',
        details: { sessionId: 's1', from: 'terminating', to: 'active', hint: 'wait until it has ended' },
      },
    });
    expect(life.state).toBe(before);
  });

  test('is an event that no ending takes, whoever brings it', () => {
    const life = openLife();
    life.decide(saved(), restoredAt);
    const event = life.steps.map((step) => step.event).find(({ type }) => type === 'session.restored');
    if (event === undefined) throw new Error('Nothing was restored');
    expect(sessionLaw.evolve(lives.terminating().state, event)).toBeUndefined();
    expect(sessionLaw.evolve(lives.terminated().state, event)).toBeDefined();
  });

  test('holds a path and a key once, however often a record names them', () => {
    const command = saved();
    const files = [...command.data.files, ['z.ts', 7], ['a.ts', 8]] as const;
    const memory = [...command.data.memory, ['goal', 'sell']] as const;
    const life = new SessionLife();
    life.decide({ ...command, data: { ...command.data, files, memory } }, restoredAt);
    expect(listFiles(life.state.files).map(({ path }) => path)).toEqual(['a.ts', 'z.ts', 'b.ts']);
    expect(listItems(life.state.memory).map(({ key, value }) => [key, value])).toEqual([
      ['goal', 'sell'],
      ['b', ['b']],
      ['z', ['z']],
    ]);
  });

  test('leaves nothing of the former life but its number of entries', () => {
    const life = openLife();
    life.send({ type: 'memory.set', key: 'only here', value: 1 }, openedAt);
    life.send({ type: 'file.add', path: 'only-here.ts', metadata: {} }, openedAt);
    life.decide(saved(), restoredAt);
    expect(life.state.memory.items.has('only here')).toBe(false);
    expect(life.state.files.active.has('only-here.ts')).toBe(false);
    expect(life.state.files.index.has('only-here.ts')).toBe(false);
    expect(life.state.conversation.window.length).toBe(3);
  });

  test('a life that is to end at an age does not end at once: its age counts from its restoring', () => {
    const life = new SessionLife();
    life.send(saved({ endAfterMs: 500 }), restoredAt);
    expect(life.wake(restoredAt + 499)).toEqual([]);
    expect(contextOf(life.state).createdAt).toBe(openedAt);
    expect(life.wake(restoredAt + 500).map(({ type }) => type)).toEqual([
      'session.expire',
      'session.finishTermination',
    ]);
  });

  test('tells messages with the times that they had, and goes on with its own', () => {
    const life = new SessionLife();
    life.send(saved(), restoredAt);
    const times = life.steps.slice(-2).map(({ event }) => event.at);
    expect(times).toEqual([openedAt + 2, restoredAt]);
    life.send(message('now'), restoredAt - 50);
    expect(life.steps.at(-1)?.event.at).toBe(restoredAt);
  });
});
