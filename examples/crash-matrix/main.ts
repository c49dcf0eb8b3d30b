// A travel desk of your own, cut off at every operation of its disk: what it has acknowledged is there, and each booking is made once.
import assert from 'node:assert/strict';
import { crashMatrix } from 'holdfast/testing';

// Each is one operation: a command that does two may be found half done.
type Command =
  | { readonly open: string }
  | { readonly ask: string }
  | { readonly book: string }
  | { readonly note: string; readonly value: number };

const sessionId = 'desk';

const result = await crashMatrix.system<Command>(
  {
    options: {
      agents: {
        // It may begin again after everything that it did: the key makes one message of all its tries.
        async booker({ session, input }) {
          const { flight } = input as { flight: string };
          const message = { role: 'assistant', content: `${flight} is booked` } as const;
          await session.messages.send(message, { idempotencyKey: session.runId });
          return flight;
        },
      },
    },
    // A list, or what chance makes up: then each sequence has another.
    commands: (random) => [
      { open: 'travel desk' },
      { ask: 'My flight was cancelled' },
      { note: 'budget', value: Math.floor(random() * 1_000) },
      { book: `LH ${Math.floor(random() * 100)}` },
      { ask: 'And a hotel?' },
    ],
    async run(client, command, { key: idempotencyKey }) {
      const options = { idempotencyKey };
      if ('open' in command) return client.sessions.create({ sessionId, name: command.open }, options);
      if ('note' in command)
        return client.memory.set({ sessionId, key: command.note, value: command.value }, options);
      if ('ask' in command)
        return client.messages.send({ sessionId, role: 'user', content: command.ask }, options);
      return client.agents.start({ sessionId, agent: 'booker', input: { flight: command.book } }, options);
    },
    // All that must not be lost, once what was begun is over.
    async read({ sessions, agents, messages, memory }) {
      const { total } = await sessions.list({});
      if (total === 0) return null;
      for (const { runId } of await agents.list({ sessionId })) await agents.wait({ sessionId, runId });
      const { items } = await messages.list({ sessionId });
      const said = (role: string) => items.filter((item) => item.role === role).map(({ content }) => content);
      return {
        asked: said('user'),
        booked: said('assistant'),
        notes: await memory.keys({ sessionId }),
      };
    },
    check(state) {
      const { booked = [] } = (state ?? {}) as { booked?: unknown[] };
      assert.ok(booked.length <= 1, 'a flight was booked twice');
    },
  },
  { seed: 7, crashes: 60, errors: 15, sequences: 1 },
);

console.log(`${result.points} points, ${result.recoveries} disks recovered, nothing lost`);
assert.ok(result.points > 50);
