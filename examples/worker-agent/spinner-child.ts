// The agent, in a module of its own: its thread loads it by URL. It says that it is there, and then never yields again.
import type { AgentContext } from 'holdfast';

export async function spin({ session, input }: AgentContext<{ greeting: string }>): Promise<never> {
  await session.messages.send({ role: 'assistant', content: input.greeting });
  for (;;);
}
