// Life is replay: the campaign in its short form, and laws that break the promise, to see that it finds them.
import { describe, expect, test } from 'vitest';
import { sessionLaw } from '../../src/domain/session/session-law.ts';
import type { SessionState } from '../../src/domain/session/session-state.ts';
import type { SessionLaw } from '../support/session-life.ts';
import type { TortureResult } from '../torture/harness.ts';
import { replayHarness, replayHarnessOf } from '../torture/replay.ts';

const options = { cycles: undefined, short: true, seed: 7, progress: () => {} };

const runAgainst = (law: Partial<SessionLaw>): Promise<TortureResult> =>
  replayHarnessOf({ ...sessionLaw, ...law }).run({ ...options, cycles: 20 });

test('a life, its replay, and a snapshot with the events after it are the same', async () => {
  const { rows, broken } = await replayHarness.run({ ...options, seed: 1 });
  expect(broken).toEqual([]);
  expect(rows.filter(([, value]) => value === 0)).toEqual([['sequences that differ', 0]]);
});

describe('the campaign finds', () => {
  /** The law, with something else made of the state after each event. */
  const evolving = (change: (state: SessionState) => SessionState): Partial<SessionLaw> => ({
    evolve(state, event) {
      const next = sessionLaw.evolve(state, event);
      return next === undefined || event.type !== 'message.sent' ? next : change(next);
    },
  });

  const named = (state: SessionState, name: string): SessionState => ({
    ...state,
    profile: { ...state.profile, name },
  });

  test('a law with a clock in it, and shows the shortest way to it', async () => {
    let time = 0;
    const ticking = evolving((state) => {
      time += 1;
      return named(state, `at ${time}`);
    });
    const { broken } = await runAgainst(ticking);
    expect(broken[0]).toMatch(
      /^sequence \d+: the replay of its events .*, after session\.(create|restore)(, message\.send)?$/,
    );
  });

  test('a law with chance in it', async () => {
    const { broken } = await runAgainst(evolving((state) => named(state, `${Math.random()}`)));
    expect(broken.length).toBeGreaterThan(0);
  });

  test('a law that holds what its journal cannot', async () => {
    const { broken } = await runAgainst({
      decide(state, command, at, seq) {
        const decision = sessionLaw.decide(state, command, at, seq);
        if (command.type !== 'memory.set' || 'refusal' in decision) return decision;
        const events = decision.events.map((event) =>
          event.type === 'memory.updated' ? { ...event, data: { key: 'k', value: new Date(at) } } : event,
        );
        return { ...decision, events };
      },
    });
    expect(broken.join()).toContain('memory.set');
  });

  test('a snapshot that forgets something', async () => {
    const { broken } = await runAgainst({
      decode(text) {
        const state = sessionLaw.decode(text);
        return { ...state, conversation: { ...state.conversation, clearedThrough: 0 } };
      },
    });
    expect(broken.join()).toContain('the snapshot of its end and its life');
  });

  test('a law that does not take its own events again', async () => {
    let lives = 0;
    const { broken } = await runAgainst({
      initial(stream) {
        lives += 1;
        return sessionLaw.initial(stream);
      },
      evolve: (state, event) =>
        event.type === 'memory.deleted' && lives % 2 === 0 ? undefined : sessionLaw.evolve(state, event),
    });
    expect(broken.join()).toContain('The law does not take memory.deleted again');
  });

  test('an edge that is not lawful, also when life and replay agree on it', async () => {
    const { broken } = await runAgainst({
      evolve: (state, event) =>
        sessionLaw.evolve(state, event) ?? (event.type === 'session.statusChanged' ? state : undefined),
    });
    expect(broken.join()).toMatch(/edge \w+ > \w+ occurred, and there is no such thing/);
  });
});
