// What the session list costs: npm run build:programs && node --expose-gc .build/test/bench/session-list.js [sessions]
import type { SessionEventData } from '../../src/domain/session/session-events.ts';
import type { Cursor, FeedEntry, Head, Version } from '../../src/journal/journal.ts';
import { createLiveCounts } from '../../src/projection/live-counts.ts';
import { SessionList } from '../../src/projection/session-list.ts';
import type { SessionQuery } from '../../src/projection/session-query.ts';

const count = Number(process.argv[2] ?? 100_000);
const start = Date.UTC(2026, 0, 1);
const idleAfterMs = 300_000;
let now = start + count * 10;

/** One in ten has ended; the others were active, each at a time of its own, and most have long been idle. */
function headOf(i: number): Head {
  const at = start + ((i * 7919) % count) * 10;
  return {
    ...{ stream: `session/s-${String(i).padStart(7, '0')}`, seq: 5, version: '5' as Version, firstSeq: 1 },
    ...{ chain: '', epoch: 1, operations: 0, dueAt: null, updatedAt: at },
    status: i % 10 === 0 ? 'terminated' : 'active',
    summary: {
      ...{ v: 1, createdAt: at, activeAt: at, idleAfterMs, dormantAfterMs: 7_200_000 },
      ...{ messages: 3, entries: 3, name: `name ${i % 1000}`, agent: `agent-${i % 100}` },
      parentSessionId: i % 4 === 0 ? `s-${i % 5000}` : null,
    },
  };
}

const heads = Array.from({ length: count }, (_, i): Head => JSON.parse(JSON.stringify(headOf(i))));
const noJournal = () => Promise.reject(new Error('nothing is read'));

function built(): SessionList {
  const list = new SessionList({
    journal: { head: noJournal, readFrom: noJournal, snapshots: noJournal as never },
    conditions: () => [],
    live: createLiveCounts(),
    now: () => now,
  });
  for (let i = 0; i < heads.length; i += 1000) list.load(heads.slice(i, i + 1000));
  list.serve();
  return list;
}

function report(name: string, us: readonly number[]): void {
  const sorted = us.toSorted((a, b) => a - b);
  const at = (part: number): string => (sorted[Math.floor(part * (sorted.length - 1))] ?? 0).toFixed(1);
  console.log(`${name.padEnd(64)} ${at(0.5)} us  [${at(0)} to ${at(1)}]`);
}

function measure(name: string, rounds: number, run: (round: number) => unknown): void {
  const times: number[] = [];
  for (let round = 0; round < rounds; round++) {
    const from = performance.now();
    run(round);
    times.push((performance.now() - from) * 1000);
  }
  report(name, times);
}

const gc = (globalThis as { gc?: () => void }).gc;
gc?.();
const heapBefore = process.memoryUsage().heapUsed;
const list = built();
gc?.();
console.log(
  `${count} sessions, ${Math.round((process.memoryUsage().heapUsed - heapBefore) / count)} bytes of heap for each`,
);
measure('build from heads, serve', 5, built);

let seq = 5;
const touched = (): FeedEntry => ({
  cursor: 'c' as Cursor,
  events: Array.from({ length: 100 }, (_, i) => ({
    ...{ stream: heads[(i * 997 + 1) % count]?.stream ?? '', seq: seq + 1, at: now },
    ...{ type: 'memory.updated', typeVersion: 1, meta: {} },
    data: { key: 'k', value: 1 } satisfies SessionEventData['memory.updated'],
  })),
});
const takeEvents = (): void => {
  now += 1;
  list.apply([touched()]);
  seq += 1;
};
measure('100 events of 100 sessions, the index by creation alone', 200, takeEvents);

const page = (query: Partial<SessionQuery>): void => {
  list.list({ sort: 'createdAt', limit: 100, ...query }, now);
};
measure('the very first page by updatedAt: its index is made', 1, () => page({ sort: 'updatedAt' }));
measure('the very first page by name: its index is made', 1, () => page({ sort: 'name' }));
measure('the very first page of an agent: its index is made', 1, () => page({ agent: 'agent-7' }));
for (const [name, query] of Object.entries<Partial<SessionQuery>>({
  'page of 100, no filter': {},
  'page of 100, active among the idle': { status: ['active'] },
  'page of 100, idle': { status: ['idle'] },
  'page of 100, terminated by updatedAt': { status: ['terminated'], sort: 'updatedAt' },
  'page of 100 by name': { sort: 'name' },
  'page of 100 of an agent': { agent: 'agent-7' },
  'page of 100 by name prefix, in order of names': { sort: 'name', name: 'name 99' },
  'search that finds nothing: a look at every open session': { search: 'nowhere' },
}))
  measure(name, name.startsWith('search') ? 5 : 500, () => page(query));
const { cursor = '' } = list.list({ sort: 'createdAt', limit: Math.floor(count / 2) }, now);
measure('page of 100 from a cursor in the middle', 500, () => page({ cursor }));
measure('counts', 500, () => list.count({}, now));

measure('100 events of 100 sessions, four indexes', 200, takeEvents);
now += 7_200_000 + count * 10;
measure('the query after which every open session is dormant', 1, () => page({ status: ['dormant'] }));
measure('and the next one', 1, () => page({ status: ['dormant'] }));
