// What a session is called and which numbers it lives by can change; what is not named stays, and nothing else can change it.
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { listIndex } from '../../src/domain/session/active-files.ts';
import type { SessionCommand } from '../../src/domain/session/session-commands.ts';
import { defaultSessionConfig } from '../../src/domain/session/session-config.ts';
import { sessionLaw } from '../../src/domain/session/session-law.ts';
import { listItems } from '../../src/domain/session/working-context.ts';
import { configChanges } from '../../src/operations/session-config-schema.ts';
import { anyCommands, live, profileOf, smallConfig } from '../support/session-arbitraries.ts';
import { replay, type SessionLife } from '../support/session-life.ts';
import { lives, openedAt, openLife, profile } from '../support/session-states.ts';

type Configure = SessionCommand & { type: 'session.configure' };

const configure = (life: SessionLife, given: Omit<Configure, 'type'>): ReturnType<SessionLife['send']> =>
  life.send({ type: 'session.configure', ...given }, openedAt + 1);

describe('configuring', () => {
  test('changes what is named, and leaves the rest', () => {
    const life = openLife();
    configure(life, {
      changes: { name: 'beta', metadata: { a: 1 } },
      config: { maxFiles: 7, idleAfterMs: null },
    });
    expect(life.state.profile).toEqual({
      ...{ ...profile, name: 'beta', metadata: { a: 1 } },
      config: { ...defaultSessionConfig, maxFiles: 7, idleAfterMs: null },
    });
    expect(life.steps.at(-1)?.event).toMatchObject({
      type: 'session.configured',
      data: { name: 'beta', config: { ...defaultSessionConfig, maxFiles: 7, idleAfterMs: null } },
    });
  });

  test.each([
    ['nothing', { changes: {} }],
    ['what is undefined', { changes: { name: undefined }, config: { maxFiles: undefined } }],
  ] as [string, Omit<Configure, 'type'>][])('by %s changes nothing, and wakes nobody', (_, given) => {
    for (const life of [openLife(), lives.idle()]) {
      const before = life.state;
      expect(configure(life, given)).toEqual({ events: [], reply: undefined });
      expect(life.state).toBe(before);
    }
  });

  test('never loses a number to one that is given as undefined', () => {
    const life = openLife();
    const given = { maxFiles: 3, idleAfterMs: undefined, maxMemoryKeys: undefined } as unknown as object;
    configure(life, { changes: { agent: undefined, name: 'beta' } as object, config: given });
    expect(life.state.profile).toEqual({
      ...{ ...profile, name: 'beta' },
      config: { ...defaultSessionConfig, maxFiles: 3 },
    });
    const again = replay(sessionLaw, sessionLaw.initial(life.stream), life.recorded());
    expect(sessionLaw.encode(again)).toBe(sessionLaw.encode(life.state));
    expect(configChanges.parse(given)).toEqual({ maxFiles: 3 });
  });
});

test('property: nothing that a session hands out can be changed by whoever receives it', () => {
  fc.assert(
    fc.property(profileOf(smallConfig), anyCommands, (given, commands) => {
      const { life } = live(deepFrozen(given), deepFrozen(commands));
      for (const { event } of life.steps) expect(looseIn(event, event.type)).toEqual([]);
      const { profile: held, files, memory, conversation } = life.state;
      const handedOut = {
        ...{ profile: held, messages: conversation.window.toArray() },
        ...{ metadata: listIndex(files).map(({ metadata }) => metadata) },
        ...{ values: listItems(memory).map(({ value }) => value) },
      };
      for (const [name, values] of Object.entries(handedOut)) {
        for (const value of Object.values(values)) expect(looseIn(value, name)).toEqual([]);
      }
    }),
  );
});

/** As the doors hand commands on. */
function deepFrozen<T>(value: T): T {
  if (typeof value !== 'object' || value === null) return value;
  for (const member of Object.values(value)) deepFrozen(member);
  return Object.freeze(value);
}

function looseIn(value: unknown, path: string): readonly string[] {
  if (typeof value !== 'object' || value === null) return [];
  const inside = Object.entries(value).flatMap(([key, member]) => looseIn(member, `${path}.${key}`));
  return Object.isFrozen(value) ? inside : [path, ...inside];
}
