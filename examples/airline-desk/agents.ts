// The three agents. Each may be killed at any point, and goes on behind the last step that it has finished.
import type { AgentContext, AgentDefinitions, Json, TaskAssignment } from 'holdfast';
import { type Airline, keyOfCall } from './airline.ts';
import { allPolicies, policyTable } from './policies.ts';

/** What a task says of a tool call. */
export interface CallInput {
  readonly tool: string;
  readonly arguments: string;
}

/** What a customer's session tells the person at the desk: who waits. An id of null ends the day. */
export interface Ring {
  readonly handoffId: string | null;
}

export const ring = 'a customer waits';

type Work = AgentContext<TaskAssignment<CallInput>>;

export function agentsOf(airline: Airline): AgentDefinitions {
  /** Does one tool call. A kill may hide whether it was done: it is asked for again, under the same key. */
  const clerk = ({ session, input, step }: Work): Promise<Json> =>
    step('call the airline', () => airline.call(keyOfCall(session.id, input.taskId)), {
      effect: true,
      onUnknown: 'retry',
    });

  /** The tool that passes a customer on: offers the session to whichever session of the agent `human` takes it. */
  const concierge = async (work: Work): Promise<Json> => {
    const { session, input } = work;
    const { 'fee/extra-bag': fee } = policyTable(await session.spaces.entries(allPolicies));
    await session.handoffs.offer({
      to: { agent: 'human' },
      kind: 'full_handoff',
      key: input.taskId,
      reason: input.input.tool,
      summary: summaryOf(input.input),
      instructions: `When this was offered, an extra bag was ${fee} dollars.`,
      preservedState: { customer: session.id, call: input.taskId },
    });
    return clerk(work);
  };

  return { clerk, concierge, human };
}

/** The person at the desk: waits for a ring, looks into the inbox, accepts what it finds, and notes that it is done. */
async function human({ session, step, waitFor }: AgentContext): Promise<number> {
  for (let served = 0; ; served++) {
    const { handoffId } = await waitFor<Ring>(ring);
    if (handoffId === null) return served;
    await step(`accept ${handoffId}`, async () => {
      const inbox = await session.handoffs.inbox({ limit: 1000 });
      const digest = inbox.find((offered) => offered.handoffId === handoffId)?.digest;
      // One that is not there was accepted before the kill that ended this step: accepting twice is accepting once.
      const { delivered } = await session.handoffs.accept({ handoffId, ...(digest && { digest }) });
      if (!delivered) throw new Error('the package is still on its way');
    });
    await step(`help ${handoffId}`, async () => {
      await session.handoffs.complete({ handoffId, result: 'a person has helped' });
    });
  }
}

/** Whoever transfers says why; in a text of its own if it can. */
function summaryOf({ arguments: text }: CallInput): string {
  try {
    const { summary } = JSON.parse(text) as { readonly summary?: unknown };
    if (typeof summary === 'string' && summary !== '') return summary.slice(0, 20_000);
  } catch {
    // A model may write what is no JSON.
  }
  return 'The customer asked for a person.';
}
