// A saved session: what was visible of it comes back, and what is wrong with a record is refused by the name of its field.
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { type Json, plainJson } from '../../src/base/json.ts';
import { listFiles, listIndex } from '../../src/domain/session/active-files.ts';
import { isKept, keptSeqs } from '../../src/domain/session/conversation.ts';
import type { RestoreSession } from '../../src/domain/session/session-commands.ts';
import { defaultSessionConfig } from '../../src/domain/session/session-config.ts';
import type { MessageData } from '../../src/domain/session/session-events.ts';
import { contextOf } from '../../src/domain/session/session-state.ts';
import { listItems } from '../../src/domain/session/working-context.ts';
import {
  deserializeSession,
  type SessionRecord,
  serializeSession,
} from '../../src/operations/session-record.ts';
import { contentCommands, live, profileOf, smallConfig } from '../support/session-arbitraries.ts';
import { SessionLife } from '../support/session-life.ts';
import { lives, message, openedAt, openLife, stateNames } from '../support/session-states.ts';

const savedAt = openedAt + 60_000;

const save = (life: SessionLife): SessionRecord =>
  serializeSession(life.state, life.messages(), savedAt, life.seq);
const stored = (record: SessionRecord): Record<string, unknown> => JSON.parse(JSON.stringify(record));

function restored(command: RestoreSession): SessionLife {
  const life = new SessionLife();
  const outcome = life.decide(command, savedAt);
  if ('refusal' in outcome) throw new Error(outcome.refusal.code);
  return life;
}

/** Everything that a reader sees and that a saved session is to bring back. */
function visible(life: SessionLife): unknown {
  const { state } = life;
  const { createdAt, messages } = contextOf(state);
  return {
    profile: state.profile,
    createdAt,
    count: messages,
    messages: life.messages().map(({ at, seq, data }) => {
      const { entry: _entry, size, pinned: _pinned, ...rest } = data as MessageData;
      const kept = data.role === 'system' ? 'always' : isKept(state.conversation, seq);
      return { ...JSON.parse(JSON.stringify(rest)), at, size, kept };
    }),
    files: listFiles(state.files).map(({ path, addedAt }) => [path, addedAt]),
    index: listIndex(state.files).map(({ path, metadata, lastAccessedAt }) => [
      path,
      metadata,
      lastAccessedAt,
    ]),
    memory: listItems(state.memory).map(({ key, value }) => [key, value]),
  };
}

describe('a saved session', () => {
  test('comes back as it was seen', () => {
    const life = openLife();
    life.send(message('rules', { role: 'system', pinned: true }), openedAt + 1);
    life.send(message('let go', { pinned: true }), openedAt + 2);
    life.send({ type: 'message.unpin', seq: life.seq }, openedAt + 2);
    life.send(message(null, { toolCalls: [{ id: 1 }], metadata: null, processingMs: 3 }), openedAt + 3);
    life.send({ type: 'message.pin', seq: 3 }, openedAt + 4);
    life.send({ type: 'file.add', path: '__proto__' }, openedAt + 5);
    life.send({ type: 'memory.set', key: '__proto__', value: { constructor: 1 } }, openedAt + 6);
    const command = deserializeSession(stored(save(life)));
    expect(visible(restored(command))).toEqual(visible(life));
  });

  test('property: any session comes back as it was seen', () => {
    fc.assert(
      fc.property(profileOf(smallConfig), contentCommands, (profile, commands) => {
        const { life } = live(profile, commands);
        if (life.status === 'deleted') return;
        const back = restored(deserializeSession(stored(save(life))));
        expect(JSON.stringify(visible(back))).toBe(JSON.stringify(visible(life)));
      }),
      { numRuns: 300 },
    );
  });

  test('is the same record when it is saved again', () => {
    const record = save(openLife());
    const back = restored(deserializeSession(stored(record)));
    expect({ ...save(back), savedSeq: record.savedSeq, updatedAt: record.updatedAt }).toEqual(record);
  });

  test.each(stateNames.filter((name) => name !== 'deleted'))('can be saved when %s', (name) => {
    const life = lives[name]();
    const record = save(life);
    expect(record).toMatchObject({ status: life.status, savedSeq: life.seq });
    expect(restored(deserializeSession(stored(record))).status).toBe('active');
  });

  test('says its format and version, and its times as ISO dates', () => {
    expect(save(openLife())).toMatchObject({
      ...{ format: 'holdfast.session', version: 1, sessionId: 's1', status: 'active', messageCount: 1 },
      ...{ savedAt: '1970-01-01T00:17:40.000Z', createdAt: '1970-01-01T00:16:40.000Z' },
      messages: [{ at: '1970-01-01T00:16:40.000Z', role: 'user', content: 'hello' }],
    });
  });

  test('keeps members of any name in its metadata', () => {
    const metadata = plainJson(JSON.parse('{"__proto__":{"a":1},"constructor":2,"x":{"__proto__":3}}'));
    const life = new SessionLife();
    const profile = { ...openLife().state.profile, metadata, llmConfig: metadata };
    life.send({ type: 'session.create', profile }, openedAt);
    const { data } = deserializeSession(stored(save(life)));
    expect(JSON.stringify([data.profile.metadata, data.profile.llmConfig])).toBe(
      JSON.stringify([metadata, metadata]),
    );
  });

  test('lets a system message stay that had been let go', () => {
    const life = openLife();
    life.send(message('rules', { role: 'system' }), openedAt);
    life.send({ type: 'message.unpin', seq: life.seq }, openedAt);
    const back = restored(deserializeSession(stored(save(life))));
    expect(keptSeqs(back.state.conversation)).toEqual([3]);
  });

  test('is frozen as a command, all the way down', () => {
    const loose: string[] = [];
    const visit = (value: unknown, path: string): void => {
      if (typeof value !== 'object' || value === null) return;
      if (!Object.isFrozen(value)) loose.push(path);
      for (const [key, member] of Object.entries(value)) visit(member, `${path}.${key}`);
    };
    visit(deserializeSession(stored(save(openLife()))), 'command');
    expect(loose).toEqual([]);
  });

  test('that lacks some numbers takes the defaults for them', () => {
    const record = save(openLife());
    const { maxFiles: _, ...config } = record.profile.config;
    const lacking = {
      ...record,
      profile: { ...record.profile, config: { ...config, maxIndexedFiles: undefined } },
    };
    const { profile } = deserializeSession(lacking).data;
    expect(profile.config).toEqual(defaultSessionConfig);
  });
});

/** Sets one member of a record, `undefined` removes it. */
function withField(record: Record<string, unknown>, path: string, value: unknown): Record<string, unknown> {
  const copy = structuredClone(record);
  const keys = path.split('.');
  const last = keys.pop() ?? '';
  let target = copy;
  for (const key of keys) target = target[key] as Record<string, unknown>;
  if (value === undefined) delete target[last];
  else target[last] = value;
  return copy;
}

describe('a record that is no session', () => {
  const life = openLife();
  life.send({ type: 'message.pin', seq: 3 }, openedAt);
  const whole = stored(save(life));

  const refusalOf = (record: unknown): unknown => {
    try {
      deserializeSession(record);
      return 'taken';
    } catch (error) {
      return error;
    }
  };

  const required = [
    ...['format', 'version', 'sessionId', 'savedAt', 'savedSeq', 'status', 'createdAt', 'updatedAt'],
    ...['messageCount', 'profile', 'messages', 'files', 'fileIndex', 'memory'],
    ...['profile.name', 'profile.agent', 'profile.metadata', 'profile.llmConfig', 'profile.config'],
    ...['profile.parentSessionId', 'messages.0.at', 'messages.0.role', 'messages.0.content'],
  ];

  test('is named by all of the fields that there are', () => {
    const { profile, messages } = whole as { profile: object; messages: readonly object[] };
    const found = [
      ...Object.keys(whole),
      ...Object.keys(profile).map((key) => `profile.${key}`),
      ...Object.keys(messages[0] ?? {}).map((key) => `messages.0.${key}`),
    ];
    expect(new Set(found)).toEqual(new Set([...required, 'messages.0.pinned']));
  });

  test.each(required)('is refused for the missing field %s', (field) => {
    expect(refusalOf(withField(whole, field, undefined))).toMatchObject({
      code: 'INVALID_FORMAT',
      details: { field, problem: expect.stringMatching(/\w/) },
    });
  });

  const wrong: Readonly<Record<string, readonly Json[]>> = {
    format: ['other', ''],
    version: [0, 2, '1'],
    sessionId: ['', '../etc', 7, 'x'.repeat(65)],
    savedAt: ['', 0, 'yesterday', '2026-13-01T00:00:00Z'],
    savedSeq: [-1, 1.5, '1'],
    status: ['', 'zombie'],
    createdAt: ['', '2026-01-01'],
    updatedAt: ['', null],
    messageCount: [-1, 0.5, 0, 2],
    profile: [null, []],
    'profile.name': ['', 1],
    'profile.agent': [''],
    'profile.metadata': [[], null],
    'profile.llmConfig': ['x'],
    'profile.config': [null],
    'profile.config.maxFiles': [0, '5'],
    'profile.config.tokenReserve': [1],
    'profile.config.idleAfterMs': [-1],
    'profile.parentSessionId': ['', 'a/b'],
    messages: [{}],
    'messages.0': [null],
    'messages.0.at': ['now'],
    'messages.0.role': ['', 'robot'],
    'messages.0.content': [7, {}],
    'messages.0.toolCalls': [{}],
    'messages.0.toolCallId': [''],
    'messages.0.name': [''],
    'messages.0.pinned': ['yes'],
    'messages.0.processingMs': [-1],
    files: [{}],
    'files.0.0': [''],
    'files.0.1': ['x'],
    'fileIndex.0.0': [''],
    'fileIndex.0.2': [null],
    memory: [null],
    'memory.0.0': ['', 1],
  };
  const faults = Object.entries(wrong).flatMap(([field, values]) =>
    values.map((value) => ({ field, value })),
  );

  test.each(faults)('is refused for $field: $value', ({ field, value }) => {
    expect(refusalOf(withField(whole, field, value))).toMatchObject({
      code: 'INVALID_FORMAT',
      details: { field },
    });
  });

  test.each([
    ['the record', 'surplus', 'surplus'],
    ['profile', 'profile.surplus', 'surplus'],
    ['profile.config', 'profile.config.surplus', 'surplus'],
    ['messages.0', 'messages.0.entry', 'entry'],
  ])('is refused for a field that %s does not have', (field, path, name) => {
    expect(refusalOf(withField(whole, path, 1))).toMatchObject({
      code: 'INVALID_FORMAT',
      details: { field, problem: expect.stringContaining(name) },
    });
  });

  test.each([null, undefined, 7, 'text', [], {}])('is refused when it is %j', (value) => {
    expect(refusalOf(value)).toMatchObject({ code: 'INVALID_FORMAT' });
  });

  test('is refused for its count of messages with both numbers', () => {
    expect(refusalOf({ ...whole, messageCount: 5 })).toMatchObject({
      message: 'The record is not a session: messageCount is 5, there are 1',
    });
  });

  test('is refused for a text or a depth that no door would take', () => {
    const deep = JSON.parse(`${'['.repeat(70)}${']'.repeat(70)}`) as Json;
    for (const field of ['profile.metadata.x', 'messages.0.metadata', 'memory.0.1']) {
      expect(refusalOf(withField(whole, field, deep))).toMatchObject({ code: 'TOO_DEEP' });
    }
  });
});
