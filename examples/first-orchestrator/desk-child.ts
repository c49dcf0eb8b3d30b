// Two agents of a travel desk: one that crashes on its way, and one that cannot work yet. Run it, kill it, run it again.
import { setTimeout as sleep } from 'node:timers/promises';
import { attempt, createSystem } from 'holdfast';

const system = await createSystem({
  location: process.argv[2] ?? 'desk',
  agents: {
    // Plans a trip, one day at a time. It may begin again at any point, and goes on behind what is written already.
    async planner({ session, input }) {
      const { items } = await session.messages.list();
      for (let day = items.length + 1; day <= input.days; day++) {
        await sleep(1000); // the model thinks
        if (day === 2 && session.incarnation === 1) throw new Error('the model is overloaded');
        await session.messages.send(
          { role: 'assistant', content: `Day ${day}: ${['harbour', 'museums', 'hills'][day - 1]}` },
          { idempotencyKey: `${session.runId} day ${day}` },
        );
      }
      return `${input.days} days`;
    },

    // Cannot work without its key.
    async booker() {
      if (process.env.BOOKING_KEY === undefined) throw new Error('BOOKING_KEY is not set');
      return 'booked';
    },
  },
});
const { client } = system;

await client.events.subscribeAll(({ sessionId, type, data }) => {
  if (type.startsWith('session.')) return;
  console.log(sessionId, type, JSON.stringify(data));
});

// Each start gives another chance to what was given up before.
for (const { sessionId, error } of await client.sessions.conditions({ condition: 'quarantined' })) {
  console.log(`once more: ${sessionId}, which failed with: ${error?.message}`);
  await client.sessions.retry({ sessionId });
}

await client.sessions.create({ sessionId: 'trip' }, { idempotencyKey: 'open the trip' });
const trip = await client.agents.start(
  { sessionId: 'trip', agent: 'planner', input: { days: 3 } },
  { idempotencyKey: 'plan the trip' },
);

const sessions = system.tree().children?.find(({ id }) => id === 'sessions');
console.log(JSON.stringify(sessions, ['id', 'status', 'restarts', 'children'], 1));

const planned = await client.agents.wait({ sessionId: 'trip', runId: trip.runId });
console.log(`planned: ${planned.result}, by incarnation ${planned.incarnation}`);

await client.sessions.create({ sessionId: 'booking' }, { idempotencyKey: 'open the booking' });
const booking = await client.agents.start(
  { sessionId: 'booking', agent: 'booker' },
  { idempotencyKey: 'book the trip' },
);
const booked = await attempt(client.agents.wait({ sessionId: 'booking', runId: booking.runId }));
console.log(booked.ok ? `result: ${booked.value.result}` : booked.error.message);

await system.close();
