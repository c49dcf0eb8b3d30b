// A summary that is read by the place of its members says what a parse of it says, or is not read in that way.
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { type SessionSummary, summaryVersion } from '../../src/domain/session/session-deadlines.ts';
import { readSummaryText } from '../../src/projection/summary-text.ts';
import { anyCommand, profileOf, smallConfig } from '../support/session-arbitraries.ts';
import { openedAt } from '../support/session-states.ts';
import { SessionWorld } from '../support/session-world.ts';

const time = fc.oneof(
  { weight: 20, arbitrary: fc.integer({ min: 0, max: 10 ** 13 }) },
  { weight: 1, arbitrary: fc.constantFrom(Number.MAX_SAFE_INTEGER, -1, 0.5) },
);
const text = fc.oneof(
  {
    weight: 8,
    arbitrary: fc.constantFrom(
      '',
      'short',
      'a name of more than twelve',
      'é, ü: {}',
      '名前が長い名前が長い名前が長い',
    ),
  },
  { weight: 1, arbitrary: fc.string({ unit: 'binary' }) },
);
const summary: fc.Arbitrary<SessionSummary> = fc.record(
  {
    v: fc.constantFrom(summaryVersion),
    createdAt: time,
    activeAt: time,
    idleAfterMs: fc.option(time),
    dormantAfterMs: fc.option(time),
    messages: fc.nat(),
    agents: fc.nat(),
    entries: fc.nat(),
    name: fc.option(text),
    agent: fc.option(text),
    parentSessionId: fc.option(text),
  },
  { noNullPrototype: true },
);

test('whatever stands in it', () => {
  let read = 0;
  fc.assert(
    fc.property(summary, (of) => {
      const found = readSummaryText(JSON.stringify(of));
      if (found === undefined) return;
      read += 1;
      expect(found).toEqual(JSON.parse(JSON.stringify(of)));
    }),
    { numRuns: 500, seed: 7 },
  );
  expect(read).toBeGreaterThan(100);
});

test('one without members of this version, or with others, is left to a parse', () => {
  const of = { v: summaryVersion, createdAt: 1, activeAt: 2 };
  for (const other of [of, { ...of, v: summaryVersion + 1 }, {}, null, { createdAt: 1 }])
    expect(readSummaryText(JSON.stringify(other))).toBe(undefined);
});

test('what the law writes is read so, member by member', () => {
  const create = { type: 'session.create' } as const;
  fc.assert(
    fc.property(profileOf(smallConfig), fc.array(anyCommand, { maxLength: 10 }), (profile, commands) => {
      const world = new SessionWorld();
      world.send('s', { ...create, profile: { ...profile, name: 'a name of more than twelve' } }, openedAt);
      for (const [i, command] of commands.entries()) world.send('s', command, openedAt + i);
      for (const { summary: written } of world.heads())
        expect(readSummaryText(JSON.stringify(written)) ?? 'escaped').toEqual(
          JSON.stringify(written).includes('\\') ? 'escaped' : written,
        );
      expect(world.heads()).toHaveLength(1);
    }),
    { numRuns: 100, seed: 7 },
  );
});
