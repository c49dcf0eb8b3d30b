// A few lines for people: the supervision tree, and what happened to a session's agents.
import type { Client, SupervisionNode } from 'holdfast';

export function printTree({ id, status, details, children = [] }: SupervisionNode, indent = ''): void {
  // The agents of a session stand under their run; what they are called is a detail.
  console.log(`${indent}${details?.agent ?? id}: ${status}`);
  for (const child of children) printTree(child, `${indent}  `);
}

export async function printHistory(client: Client, sessionId: string): Promise<void> {
  const { items } = await client.events.list({ sessionId, limit: 1000 });
  const types = items.map(({ type }) => type).filter((type) => type.startsWith('agent.'));
  console.log(`${sessionId}: ${types.map((type) => type.slice('agent.'.length)).join(', ')}`);
}
