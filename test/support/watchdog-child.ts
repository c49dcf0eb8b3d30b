// A process whose only agent blocks it for good: what is heard of it comes from the watchdog's thread, and so does its end.
import { createTestSystem } from 'holdfast/testing';

const test = await createTestSystem({
  watchdog: { stallMs: 50, exitAfterMs: 300 },
  agents: {
    busy() {
      for (;;);
    },
  },
});
await test.client.sessions.create({ sessionId: 's' });
// The watchdog's thread is there when it has seen the loop turn for a while.
setTimeout(() => void test.client.agents.start({ sessionId: 's', agent: 'busy' }), 300);
