// Summaries without a model, and the ranking of tools: pure, the same for the same input, and what they say is what was said.
import { describe, expect, test } from 'vitest';
import { extractiveSummary, type SummaryInput } from '../../src/domain/text/summary.ts';
import { rankTools, type ToolUsage } from '../../src/domain/text/tool-ranking.ts';

const said = (...contents: readonly (readonly [string, string])[]): SummaryInput => ({
  sessionId: 's',
  messages: contents.map(([role, content], i) => ({ seq: i + 1, at: i, role, content })),
  counts: { messages: contents.length, files: 0, toolCalls: 0, entries: contents.length },
  ...{ files: [], keys: [], tools: [], participants: [] },
});

describe('the extractive summary', () => {
  test('takes the sentences whose words are said most, in the order in which they were said, and none twice', () => {
    const talk = said(
      ['system', 'You sell flights. Flights flights flights.'],
      ['user', 'Hello! My flight to Oslo was cancelled. Nice weather here.'],
      ['assistant', 'The flight to Oslo was cancelled by a storm. A refund for the flight is possible.'],
      ['user', 'Please refund the flight to Oslo. My flight to Oslo was cancelled.'],
      ['assistant', 'The refund for the flight to Oslo was booked. Bye.'],
    );
    const { summary } = extractiveSummary(talk);
    expect(summary).toContain('My flight to Oslo was cancelled.');
    expect(summary.split('My flight to Oslo')).toHaveLength(2);
    expect(summary).not.toContain('Flights flights');
    expect(summary.indexOf('cancelled')).toBeLessThan(summary.indexOf('refund'));
    expect(extractiveSummary(talk)).toEqual(extractiveSummary(talk));
  });

  test('says in key points who, how much, how it began and ended, which files and tools', () => {
    const { keyPoints } = extractiveSummary({
      ...said(['system', 'Be kind'], ['user', `${'x'.repeat(99)}😀 and more`], ['assistant', 'Done']),
      files: ['src/a.ts', 'b.ts', 'README'],
      tools: [{ tool: 'search', calls: 2 }],
      participants: ['desk', 'user:ann'],
    });
    expect(keyPoints).toEqual([
      'counts: 3 messages, 0 files, 0 tool calls',
      'participants: desk, user:ann',
      'instructions: system: Be kind',
      `first: user: ${'x'.repeat(99)}…`,
      'last: assistant: Done',
      'file types: ts 2, none 1',
      'tools: search 2',
    ]);
  });

  test('of nothing is empty', () => {
    expect(extractiveSummary(said())).toEqual({
      ...{ summary: '', keyPoints: ['counts: 0 messages, 0 files, 0 tool calls'] },
    });
  });
});

describe('the ranking of tools', () => {
  const tool = (name: string, description = '') => ({ name, description, tags: [] });
  const used = (name: string, calls: number, failures: number): ToolUsage => ({
    ...{ tool: name, calls, returned: calls, failures, lastUsedAt: 0 },
  });
  const names = (...[tools, situation]: Parameters<typeof rankTools>) =>
    rankTools(tools, situation).map(({ name }) => name);

  test('puts first what the session is about, and what is asked for before that', () => {
    const tools = [tool('cancelFlight'), tool('book_hotel', 'hotels and rooms'), tool('search_web')];
    const situation = {
      query: undefined,
      texts: ['my flight must be cancelled: cancel it'],
      usage: [],
      now: 0,
    };
    expect(names(tools, situation)[0]).toBe('cancelFlight');
    expect(names(tools, { ...situation, query: 'a room in a hotel' })[0]).toBe('book_hotel');
  });

  test('prefers what has served well to what has failed, and what was never used to that', () => {
    const usage = [used('good', 4, 0), used('bad', 4, 4)];
    const ranked = rankTools([tool('bad'), tool('good'), tool('new')], {
      ...{ query: undefined, texts: [], usage, now: 3_600_000 },
    });
    expect(ranked.map(({ name }) => name)).toEqual(['good', 'bad', 'new']);
    expect(ranked[0]?.parts).toEqual({ relevance: 0, reliability: 0.833333, frequency: 1, recency: 0.5 });
    expect(ranked[2]?.score).toBe(0.1);
  });

  test('orders equals by name, whatever order they came in', () => {
    const situation = { query: undefined, texts: [], usage: [], now: 0 };
    expect(names([tool('b'), tool('a')], situation)).toEqual(['a', 'b']);
  });
});
