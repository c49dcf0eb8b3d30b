// The agents. Each of them may run again with the same input, so that what it writes has a key: written twice, it is there once.
import type { AgentContext } from 'holdfast';
import { countWords, splitIntoParts } from './model.ts';

/** Splits the job and asks for each part, as a model does: with a tool call. */
async function planner({ session, input }: AgentContext<{ text: string }>) {
  const parts = splitIntoParts(input.text);
  for (const [index, text] of parts.entries()) {
    const toolCallId = `part-${index + 1}`;
    await session.events.publish(
      { type: 'tool.called', data: { tool: 'delegate', toolCallId, parameters: { text } } },
      { idempotencyKey: `${session.runId} ${toolCallId}` },
    );
  }
  return { parts: parts.length };
}

/** Counts the words of one part. What it returns is journaled, once. */
async function worker({ session, input }: AgentContext<{ part: string; text: string }>) {
  // The first part is hard: two attempts fail. Nothing is caught here, it crashes and is started again.
  const { crashes } = await session.agents.get({ runId: session.runId });
  if (input.part === 'part-1' && crashes < 2) throw new Error('the model is overloaded');
  // The second worker never gets through with the second part, and does not listen when it is told to end.
  if (input.part === 'part-2' && session.id === 'worker-2') await new Promise(() => {});
  return { part: input.part, words: countWords(input.text) };
}

/** Adds up what the workers found, and answers the user. */
async function reporter({ session }: AgentContext) {
  const { items } = await session.messages.list();
  const counts = items.filter(({ role }) => role === 'tool').map(({ content }) => Number(content));
  const words = counts.reduce((sum, count) => sum + count, 0);
  await session.messages.send(
    { role: 'assistant', content: `${words} words` },
    { idempotencyKey: session.runId },
  );
}

export const agents = { planner, worker, reporter };
