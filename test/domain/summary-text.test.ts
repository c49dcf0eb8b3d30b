// The summary that is written with every event is put together by hand: it is the text that JSON makes.
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { sessionLaw } from '../../src/domain/session/session-law.ts';
import { anyCommands, live, profileOf, smallConfig } from '../support/session-arbitraries.ts';

test('the text of a summary is what JSON makes of it, whatever the session went through', () => {
  fc.assert(
    fc.property(profileOf(smallConfig), anyCommands, (profile, commands) => {
      const { summary } = sessionLaw.summarize(live(profile, commands).life.state);
      expect(sessionLaw.summaryText?.(summary)).toBe(JSON.stringify(summary));
    }),
    { numRuns: 200 },
  );
});

test('names that need escaping are escaped', () => {
  const { summary } = sessionLaw.summarize(sessionLaw.initial('session/a'));
  const named = { ...summary, name: '"\\\n\ud800', agent: '\u2028', parentSessionId: 'b' };
  expect(sessionLaw.summaryText?.(named)).toBe(JSON.stringify(named));
});
