// The agents of the second story: one in durable steps, which ends where it waits, and one that spends.
import type { AgentContext } from 'holdfast';

export const stepAgents = {
  async stepper({ input, step, child, sleep, waitFor }: AgentContext<{ readonly order: number }>) {
    const order = await step('load', () => ({ ...input, price: 30 }));
    const [first] = await Promise.all([
      step('reserve', () => 'reserved', { effect: true }),
      step('tell', async ({ step: inner }) => inner('mail', () => 'sent')),
    ]);
    const found = await child('check', 'checker', order);
    await sleep('cool down', 5);
    return { first, found, answer: await waitFor('approval') };
  },
  checker: async ({ input }: AgentContext) => ({ checked: input }),
  async spender({ report }: AgentContext) {
    await report({ tokens: 12, cost: 0.5 });
  },
};
