// Sessions wait here for the time at which they fall quiet, and for nothing else.
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { QuietEdges } from '../../src/projection/quiet-edges.ts';
import { SessionEntry } from '../../src/projection/session-entry.ts';
import { newRow } from '../../src/projection/session-row.ts';

const entryOf = (sessionId: string, activeAt: number): SessionEntry =>
  new SessionEntry(
    `session/${sessionId}`,
    { ...newRow(sessionId, activeAt), status: 'active', idleAfterMs: 1_000 },
    'active',
  );

test('a session that will not fall quiet any more waits no longer', () => {
  const edges = new QuietEdges();
  const entry = entryOf('s', 0);
  edges.schedule(entry, 0);
  expect(edges.timeOf(entry)).toBe(1_000);
  entry.status = 'terminated';
  edges.schedule(entry, 1);
  expect(edges.timeOf(entry)).toBe(null);
  expect(edges.due(1_000, 10)).toEqual([]);
});

test('a session that was used meanwhile keeps its earlier place', () => {
  const edges = new QuietEdges();
  const entry = entryOf('s', 0);
  edges.schedule(entry, 0);
  entry.activeAt = 500;
  edges.schedule(entry, 500);
  expect(edges.timeOf(entry)).toBe(1_000);
  expect(edges.due(1_000, 10)).toEqual([entry]);
});

test('whoever comes, goes and moves, those that are due are found, the earliest first, and no other', () => {
  const step = fc.record({
    session: fc.nat(40),
    do: fc.constantFrom('earlier', 'earlier', 'earlier', 'earlier', 'later', 'delete', 'delete', 'due'),
    at: fc.nat(5_000),
  });
  fc.assert(
    fc.property(fc.array(step, { maxLength: 200, size: 'max' }), (steps) => {
      const edges = new QuietEdges();
      const entries = Array.from({ length: 41 }, (_, i) => entryOf(`s${i}`, 5_000 + i));
      const times = new Map<SessionEntry, number>();
      for (const { session, do: what, at } of steps) {
        const entry = entries[session] as SessionEntry;
        if (what === 'delete') {
          edges.delete(entry);
          times.delete(entry);
        } else if (what === 'due') {
          const due = edges.due(at, 3);
          const all = [...times.values()].filter((time) => time <= at).sort((a, b) => a - b);
          expect(due.map((found) => times.get(found))).toEqual(all.slice(0, 3));
          for (const found of due) times.delete(found);
        } else {
          entry.activeAt = what === 'earlier' ? at : at + 5_000;
          edges.schedule(entry, Number.NEGATIVE_INFINITY);
          const next = entry.activeAt + 1_000;
          times.set(entry, Math.min(times.get(entry) ?? next, next));
        }
        expect(edges.timeOf(entry)).toBe(times.get(entry) ?? null);
      }
    }),
    { numRuns: 60, seed: 7 },
  );
});
