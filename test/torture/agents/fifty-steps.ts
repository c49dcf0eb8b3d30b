// The agent of the agents harness: fifty steps, some side by side, some within others, two effects, a sleep, a child and an
// approval. Each function says that it runs, and in which incarnation.
import type { AgentContext, AgentDefinitions } from 'holdfast';

export interface Ran {
  readonly runId: string;
  readonly step: string;
  readonly incarnation: number;
}

/** What a run that is left alone returns. */
export const undisturbed = {
  sum: 820,
  ...{ nested: 'x y', paid: 'paid once', told: 'told', approval: 'granted', fromChild: 30 },
};

export function agentsOf(note: (ran: Ran) => void): AgentDefinitions {
  const doing =
    ({ session }: AgentContext) =>
    async <T>(step: string, value: T): Promise<T> => {
      note({ runId: session.runId, step, incarnation: session.incarnation });
      // As a call of something outside: the process may end within it.
      await new Promise((resolve) => setTimeout(resolve, 2));
      return value;
    };
  // Kills come more often than a run may be begun again without having got any further.
  const budget = { restartsWithoutProgress: 1_000 };
  const agents = {
    async fifty(context: AgentContext) {
      const { step, sleep, waitFor, child } = context;
      const run = doing(context);
      const numbers = async (from: number, to: number): Promise<number> => {
        let sum = 0;
        for (let n = from; n <= to; n++) sum += await step(`n${n}`, () => run(`n${n}`, n));
        return sum;
      };
      const first = await numbers(1, 10);
      const lanes = await Promise.all([numbers(11, 18), numbers(19, 25), numbers(26, 30), sleep('rest', 60)]);
      const paid = await step('pay', () => run('pay', 'paid once'), { effect: true, onUnknown: 'retry' });
      const nested = await step('outer', async ({ step: inner }) => {
        const x = await inner('x', () => run('outer/x', 'x'));
        return `${x} ${await inner('y', () => run('outer/y', 'y'))}`;
      });
      const [fromChild, approval] = await Promise.all([
        child<number>('helper', 'helper'),
        waitFor('approval'),
      ]);
      const told = await step('tell', () => run('tell', 'told'), {
        effect: true,
        onUnknown: async () => ({ result: 'told' }),
      });
      const last = await numbers(31, 40);
      const [a = 0, b = 0, c = 0] = lanes as unknown as number[];
      return { sum: first + a + b + c + last, nested, paid, told, approval, fromChild };
    },
    async helper(context: AgentContext) {
      const run = doing(context);
      let sum = 0;
      for (let n = 0; n < 5; n++) sum += await context.step(`h${n}`, () => run(`h${n}`, 6));
      return sum;
    },
  };
  return { fifty: { run: agents.fifty, budget }, helper: { run: agents.helper, budget } };
}
