// The airline's desk in short: a few customers, one kill, and books that are compared with the transcripts; books that lie are found out.
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type Books, expectedBooks } from '../../examples/airline-desk/books.ts';
import { differences } from '../../examples/airline-desk/differences.ts';
import { type Found, readBooks } from '../../examples/airline-desk/found-books.ts';
import { liveThrough } from '../../examples/airline-desk/lives.ts';
import { toolCallsOf } from '../../examples/airline-desk/tool-calls.ts';
import { generated } from '../../examples/airline-desk/transcript-source.ts';
import { sessionScript } from '../../examples/replay-transcripts/session-script.ts';
import type { Transcript } from '../../examples/replay-transcripts/transcript.ts';

const entry = new URL('../../.build/examples/airline-desk/desk-child.js', import.meta.url).href;

const transfers = (transcript: Transcript): boolean =>
  toolCallsOf(transcript).some(({ isTransfer }) => isTransfer);
const shortest = (transcripts: readonly Transcript[], count: number): Transcript[] =>
  transcripts.toSorted((a, b) => a.messages.length - b.messages.length).slice(0, count);

/** Two that end at the desk, and one that does not. */
function fewTranscripts(): Transcript[] {
  const all = generated(7, 40).filter((transcript) => toolCallsOf(transcript).length > 2);
  return [
    ...shortest(all.filter(transfers), 2),
    ...shortest(
      all.filter((one) => !transfers(one)),
      1,
    ),
  ];
}

describe("the airline's desk", () => {
  const scripts = fewTranscripts().map(sessionScript);
  let location = '';
  let expected: Books;
  let found: Found;

  beforeAll(async () => {
    location = await mkdtemp(join(tmpdir(), 'holdfast-desk-'));
    const day = await liveThrough({
      ...{ location, entry, transcripts: scripts.map(({ transcript }) => transcript) },
      moments: [{ name: 'a customer was offered', type: 'handoff.offered', count: 1, delayMs: 0 }],
      ...{ onProgress: () => {}, onKill: () => {} },
    });
    expect(day.kills).toBe(1);
    expected = expectedBooks(scripts, day.kills);
    found = await readBooks(location, day);
  });
  afterAll(() => rm(location, { recursive: true }));

  test('has done each call as one task, each transfer as one handoff, and kept each message, over a kill', () => {
    expect(differences(expected, found.books)).toEqual([]);
    expect(Object.keys(found.books.desk)).toHaveLength(2);
    expect(found.books.heard.tasks).toBeGreaterThan(4);
  });

  test('reports whatever is not as the transcripts say, and where', () => {
    const [customer = ''] = Object.keys(expected.customers);
    const book = expected.customers[customer];
    const [task = ''] = Object.keys(book?.tasks ?? {});
    const lies: readonly [lie: object, place: string][] = [
      [{ messages: book?.messages.slice(1) }, 'messages › 0'],
      [{ messages: book?.messages.toReversed() }, 'messages › 0'],
      [{ messages: [...(book?.messages ?? []), 'one more'] }, `messages › ${book?.messages.length}`],
      [
        { tasks: { ...book?.tasks, [task]: { ...book?.tasks[task], result: 'another' } } },
        `${task} › result`,
      ],
      [
        { tasks: { ...book?.tasks, [task]: { ...book?.tasks[task], completions: 2 } } },
        `${task} › completions`,
      ],
      [{ tasks: { ...book?.tasks, 'call-999-0': {} } }, 'call-999-0'],
      [{ handoffs: [] }, 'handoffs › 0'],
      [{ owner: null }, 'owner'],
      [{ status: 'open' }, 'status'],
      [{ policies: { ...expected.policies, 'fee/extra-bag': 50 } }, 'policies › fee/extra-bag'],
    ];
    for (const [lie, place] of lies) {
      const broken = { ...expected, customers: { ...expected.customers, [customer]: { ...book, ...lie } } };
      const reported = differences(broken, found.books);
      expect(reported.length, place).toBeGreaterThan(0);
      expect(reported[0], place).toContain(`customers › ${customer} › `);
      expect(reported[0], place).toContain(place);
    }
    expect(differences({ ...expected, customers: {} }, found.books)).toHaveLength(scripts.length);
    expect(differences({ ...expected, airline: [] }, found.books)).toHaveLength(expected.airline.length);
    expect(differences({ ...expected, desk: {} }, found.books)).toHaveLength(2);
  });
});

test('a tool call is known by its place, where its vendor used an id twice', () => {
  const call = (name: string) => ({ id: 'same', function: { name, arguments: '{}' } });
  const messages = [
    { role: 'assistant', content: null, tool_calls: [call('search')] },
    { role: 'tool', tool_call_id: 'same', content: 'found' },
    { role: 'assistant', content: null, tool_calls: [call('transfer_to_human_agents')] },
  ] as const;
  const calls = toolCallsOf({ line: 1, taskId: '0', trial: '0', about: {}, messages });
  expect(calls.map(({ taskId, answer, isTransfer }) => [taskId, answer, isTransfer])).toEqual([
    ['call-0-0', 'found', false],
    ['call-2-0', null, true],
  ]);
});
