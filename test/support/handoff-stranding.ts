// Handoffs while processes die and sessions end under them: none is left without an end that was promised.
import { setImmediate as turn } from 'node:timers/promises';
import fc from 'fast-check';
import { handoffKinds } from '../../src/domain/handoff/handoff.ts';
import { createTestSystem, type TestSystem } from '../../src/testing/index.ts';
import { quiet } from './outcome.ts';

const parties = ['one', 'two', 'three'] as const;
const deadlineMs = 10_000;
/** What could not be delivered is tried again after so long at most. */
const retryMs = 5_000;

const party = fc.constantFrom(...parties);

export const strandingMoves = fc.array(
  fc.oneof(
    fc.record({
      do: fc.constant('offer' as const),
      from: party,
      to: party,
      kind: fc.constantFrom(...handoffKinds),
    }),
    fc.record({ do: fc.constant('accept' as const), by: party, waits: fc.boolean() }),
    fc.record({
      do: fc.constantFrom('reject' as const, 'pause' as const, 'resume' as const, 'end' as const),
      by: party,
    }),
    fc.record({ do: fc.constant('kill' as const) }),
    fc.record({ do: fc.constant('crash' as const), by: party }),
    fc.record({ do: fc.constant('wait' as const), ms: fc.constantFrom(100, deadlineMs / 2) }),
  ),
  { minLength: 3, maxLength: 14, size: 'max' },
);

type Move = typeof strandingMoves extends fc.Arbitrary<(infer M)[]> ? M : never;

/** Those that have no end once all that was promised has passed; empty when none was left behind. */
export async function strandedAfter(moves: readonly Move[]): Promise<readonly string[]> {
  const test = await createTestSystem();
  try {
    for (const sessionId of parties) await test.client.sessions.create({ sessionId });
    // What is refused is refused, and who has no actors cannot crash.
    for (const move of moves) await whileTimePasses(test, carryOut(test, move)).catch(() => undefined);
    await test.restart('kill');
    await test.clock.advance(deadlineMs + retryMs);
    for (let turns = 0; turns < 20; turns++) await turn();
    const { items } = await test.client.handoffs.list({ limit: 1_000 });
    return items
      .filter(
        ({ status, deliveredAt }) => status === 'pending' || (status === 'accepted' && deliveredAt === null),
      )
      .map((handoff) => JSON.stringify(handoff));
  } finally {
    await test.close();
  }
}

/** What is tried again waits for time. */
async function whileTimePasses(test: TestSystem, promise: Promise<unknown>): Promise<unknown> {
  let isOpen = true;
  const close = (): void => {
    isOpen = false;
  };
  promise.then(close, close);
  for (await quiet(); isOpen; await quiet()) await test.clock.advance(50);
  return promise;
}

async function carryOut(test: TestSystem, move: Move): Promise<unknown> {
  const { handoffs, sessions } = test.client;
  switch (move.do) {
    case 'offer': {
      const { owner, ownershipEpoch: epoch } = await handoffs.ownership({ sessionId: move.from });
      const asked = { sessionId: move.from, to: { sessionId: move.to }, kind: move.kind, deadlineMs };
      return handoffs.offer(asked, owner === null ? {} : { ownership: { owner, epoch } });
    }
    case 'accept': {
      const [found] = await handoffs.inbox({ sessionId: move.by });
      const accepted = handoffs.accept({ sessionId: move.by, handoffId: found?.handoffId ?? 'none/1' });
      if (move.waits) return accepted;
      // The next move comes while it is under way.
      accepted.catch(() => undefined);
      return quiet();
    }
    case 'reject': {
      const [found] = await handoffs.inbox({ sessionId: move.by });
      return handoffs.reject({ sessionId: move.by, handoffId: found?.handoffId ?? 'none/1' });
    }
    case 'pause':
      return sessions.pause({ sessionId: move.by });
    case 'resume':
      return sessions.resume({ sessionId: move.by });
    case 'end':
      return sessions.terminate({ sessionId: move.by });
    case 'kill':
      return test.restart('kill');
    case 'crash':
      return test.crash(move.by);
    case 'wait':
      return test.clock.advance(move.ms);
  }
}
