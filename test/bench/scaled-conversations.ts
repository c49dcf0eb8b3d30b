// The operations on conversations of one length: one more message, the last page, and the first message to a session that was
// passivated and is nowhere in memory.
import { createSystem, type System } from 'holdfast';
import { lapOf } from './lap.ts';
import { inFlight } from './measure.ts';
import { content } from './message.ts';
import type { ScaledOperations } from './scale-child.ts';
import type { ScaleTask } from './scale-process.ts';
import { width } from './workshop.ts';

/** Few, so that a short conversation is still a short one after all rounds. */
const sentInRound = 4;
const pagesInRound = 50;

export function scaledConversations({
  location,
  length,
  conversations,
}: ScaleTask & { kind: 'conversations' }): ScaledOperations {
  let opened = createSystem({ location, passivateAfterMs: null });
  let sleepy = false;
  const id = (i: number): string => `conversation-${i % conversations}`;
  const send = (system: System, i: number): Promise<unknown> =>
    system.client.messages.send({ sessionId: id(i), role: 'user', content });
  /** Whoever is quiet is passivated at once, and nothing of it stays in memory. */
  const openSleepy = async (): Promise<System> => {
    if (!sleepy) {
      await (await opened).close();
      opened = createSystem({ location, passivateAfterMs: 20, residentBytes: 0 });
      sleepy = true;
    }
    return opened;
  };
  return {
    async fill() {
      const system = await opened;
      await inFlight(conversations, width, (i) => system.client.sessions.create({ sessionId: id(i) }));
      await inFlight(conversations * length, width, (i) => send(system, i));
      return undefined;
    },
    async send() {
      const system = await opened;
      const count = conversations * sentInRound;
      return lapOf(count, () => inFlight(count, conversations, (i) => send(system, i)));
    },
    async page() {
      const { client } = await opened;
      const count = conversations * pagesInRound;
      return lapOf(count, async () => {
        for (let i = 0; i < count; i++)
          await client.messages.list({ sessionId: id(i), limit: 10, newestFirst: true });
      });
    },
    async wake() {
      const system = await openSleepy();
      await untilAllSleep(system);
      return lapOf(conversations, async () => {
        for (let i = 0; i < conversations; i++) await send(system, i);
      });
    },
    async close() {
      await (await opened).close();
      return undefined;
    },
  };
}

async function untilAllSleep(system: System): Promise<void> {
  const until = Date.now() + 60_000;
  while (system.activeSessions + system.residentSessions > 0) {
    if (Date.now() > until) throw new Error(`${system.activeSessions} sessions are still active`);
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
}
