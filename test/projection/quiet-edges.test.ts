// Sessions wait here for the time at which they fall quiet, and for nothing else.
import { expect, test } from 'vitest';
import { QuietEdges } from '../../src/projection/quiet-edges.ts';
import type { SessionNode } from '../../src/projection/session-index.ts';
import { newRow } from '../../src/projection/session-row.ts';

test('a session that will not fall quiet any more waits no longer', () => {
  const edges = new QuietEdges();
  const row = { ...newRow('s', 0), status: 'active' as const, idleAfterMs: 1_000 };
  const node: SessionNode = { row, shown: 'active', dueAt: null };
  edges.schedule(node, 0);
  expect(node.dueAt).toBe(1_000);
  node.row = { ...row, status: 'terminated' };
  edges.schedule(node, 1);
  expect(node.dueAt).toBe(null);
  expect(edges.due(1_000, 10)).toEqual([]);
});
