// Machines are stepped with a scope of ours: what comes out must be what XState's own function says.
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { transition } from 'xstate';
import { advance } from '../../src/domain/machine.ts';
import { initialLifecycle, sessionMachine, sessionStatuses } from '../../src/domain/session-lifecycle.ts';

const status = fc.constantFrom(...sessionStatuses);
const events = fc.array(
  fc.record({
    stream: fc.constant('session/a'),
    seq: fc.nat(),
    at: fc.nat(),
    typeVersion: fc.constant(1),
    type: fc.oneof(
      { weight: 3, arbitrary: fc.constant('session.statusChanged') },
      fc.constantFrom(
        'session.created',
        'message.sent',
        'conversation.cleared',
        'file.added',
        'unknown.event',
      ),
    ),
    data: fc.record({
      from: status,
      to: status,
      reason: fc.string(),
      cause: fc.string(),
      resumeTo: fc.constantFrom('active' as const, 'paused' as const),
    }),
  }),
  { size: 'max', maxLength: 60 },
);

test('a step is the one that XState takes itself', () => {
  fc.assert(
    fc.property(events, (walk) => {
      let [ours, theirs] = [initialLifecycle, initialLifecycle];
      for (const event of walk) {
        ours = advance(ours, event);
        [theirs] = transition(sessionMachine, theirs, event) as unknown as [typeof theirs];
        expect([ours.value, ours.context, ours.status]).toEqual([
          theirs.value,
          theirs.context,
          theirs.status,
        ]);
      }
    }),
  );
});

test('an event that is not lawful gives back the same snapshot', () => {
  expect(advance(initialLifecycle, { type: 'memory.updated' })).toBe(initialLifecycle);
});
