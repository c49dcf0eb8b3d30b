// The handlers of operations that tell what a session is about and which tools fit it. They wake nobody.
import type { Clock } from '../../base/clock.ts';
import { byteLength } from '../../base/json.ts';
import { openRuns } from '../../domain/agent/agent-runs.ts';
import type { PublishedEventData } from '../../domain/event-catalogue.ts';
import { listFiles } from '../../domain/session/active-files.ts';
import type { ContextMessage } from '../../domain/session/built-context.ts';
import type { FileData, MessageData, MessageEvent } from '../../domain/session/session-events.ts';
import { contextOf, type SessionState } from '../../domain/session/session-state.ts';
import { listItems } from '../../domain/session/working-context.ts';
import { type SummaryInput, textOfMessage } from '../../domain/text/summary.ts';
import { rankTools, type ToolUsage } from '../../domain/text/tool-ranking.ts';
import type { Journal, StoredEvent } from '../../journal/journal.ts';
import type { Handlers } from '../../operations/bind.ts';
import type { ParsedInputOf } from '../../operations/registry.ts';
import type { ContextItem, ContextPage, SessionSummary } from '../../operations/views/summary-views.ts';
import type { SessionView } from '../session-view.ts';
import { seqFrom } from './content-handlers.ts';
import { beginning, readForwards } from './reading.ts';
import { extractive, type Summaries, type SummaryRequest } from './summaries.ts';
import type { ToolUsages } from './tool-usage.ts';

export type SummaryOperation = `sessions.${'summary' | 'context'}` | `tools.${'rank' | 'usage'}`;

export interface SummaryContext {
  readonly journal: Journal;
  readonly clock: Clock;
  readonly summaries: Summaries;
  readonly usages: ToolUsages;
  /** Throws `SESSION_NOT_FOUND`. */
  readonly read: (sessionId: string) => Promise<SessionView>;
}

export function summaryHandlers(known: SummaryContext): Handlers<SummaryOperation> {
  const { usages, read, clock } = known;
  return {
    'sessions.summary': async ({ sessionId, ...request }) =>
      summaryOf(known, sessionId, await read(sessionId), request),
    'sessions.context': (input) => contextPage(known, input),
    'tools.usage': async ({ sessionId }) => usages.of(sessionId, await read(sessionId)),
    'tools.rank': async ({ sessionId, tools, query, limit }) => {
      const view = await read(sessionId);
      const usage = await usages.of(sessionId, view);
      const situation = { query, texts: textsOf(view.state), usage, now: clock.now() };
      return rankTools(tools, situation).slice(0, limit);
    },
  };
}

/** What tools are held against: the newest messages, the files, the keys. */
const newestMessages = 10;

function textsOf({ conversation, files, memory }: SessionState): readonly string[] {
  const said = conversation.window.toArray().slice(-newestMessages);
  return [
    ...said.map(({ data }) => textOfMessage(data)),
    ...listFiles(files).map(({ path }) => path),
    ...listItems(memory).map(({ key }) => key),
  ];
}

async function summaryOf(
  { summaries, usages }: SummaryContext,
  sessionId: string,
  view: SessionView,
  request: SummaryRequest,
): Promise<SessionSummary> {
  const { state, seq } = view;
  const input = summaryInput(state, await usages.of(sessionId, view), summaries.agents);
  const made = await summaries.of(input, request);
  const { counts, participants } = input;
  return { sessionId, ...made, counts, participants, lastUpdated: contextOf(state).updatedAt, seq };
}

function summaryInput(
  state: SessionState,
  usage: readonly ToolUsage[],
  summarising: ReadonlySet<string>,
): SummaryInput {
  const { sessionId, conversation, files, memory } = state;
  const { messages, entries } = contextOf(state);
  const window = conversation.window.toArray();
  const paths = listFiles(files).map(({ path }) => path);
  return {
    sessionId,
    messages: window.map(messageOf),
    counts: {
      ...{ messages, files: paths.length, entries },
      toolCalls: usage.reduce((sum, { calls }) => sum + calls, 0),
    },
    files: paths,
    keys: listItems(memory).map(({ key }) => key),
    tools: usage.map(({ tool, calls }) => ({ tool, calls })),
    participants: participantsOf(state, window, summarising),
  };
}

function messageOf({ seq, at, data }: MessageEvent): ContextMessage {
  const { role, content, toolCalls, toolCallId, name } = data;
  return {
    ...{ seq, at, role, content },
    ...(toolCalls !== undefined && { toolCalls }),
    ...(toolCallId !== undefined && { toolCallId }),
    ...(name !== undefined && { name }),
  };
}

/** The session's agent, the agents that ran in it, and who spoke, each once, sorted. */
function participantsOf(
  { profile, agents }: SessionState,
  window: readonly MessageEvent[],
  summarising: ReadonlySet<string>,
): readonly string[] {
  const runs = [...openRuns(agents), ...agents.ended].map(({ agent }) => agent);
  const named = runs.filter((agent) => !summarising.has(agent));
  const people = window.flatMap(({ data: { role, name } }) =>
    role === 'user' ? [name === undefined ? 'user' : `user:${name}`] : [],
  );
  return [...new Set([...(profile.agent === null ? [] : [profile.agent]), ...named, ...people])].sort();
}

/** A page ends with its number of entries, or behind so many bytes. */
const pageBytes = 1_048_576;
const readAtOnce = 16;

async function contextPage(
  known: SummaryContext,
  { sessionId, limit, cursor }: ParsedInputOf<'sessions.context'>,
): Promise<ContextPage> {
  const { journal, read } = known;
  const view = await read(sessionId);
  const { conversation, branching } = view.state;
  let after = cursor === undefined ? await beginning(journal, view.state) : seqFrom(cursor);
  const items: ContextItem[] = [];
  let bytes = 0;
  let hasMore = true;
  while (hasMore && items.length < limit && bytes < pageBytes) {
    const { lineage } = branching;
    const span = { after, through: view.seq, conversation, asReplayed: true, lineage };
    const block = await readForwards(
      journal,
      sessionId,
      span,
      Math.min(readAtOnce, limit - items.length),
      (event) => itemOf(event, conversation.clearedThrough),
    );
    items.push(...block.items);
    bytes += block.items.reduce((sum, item) => sum + byteLength(JSON.stringify(item)), 0);
    hasMore = block.next !== undefined;
    after = block.next ?? after;
  }
  const page = { sessionId, items, bytes, hasMore, ...(hasMore && { cursor: String(after) }) };
  if (cursor !== undefined) return page;
  const request = { summariser: extractive, maxAgeMs: 300_000, fresh: false };
  return { ...page, summary: await summaryOf(known, sessionId, view, request) };
}

/** What was cleared belongs to the conversation no more. */
function itemOf({ type, data, seq, at }: StoredEvent, clearedThrough: number): ContextItem | undefined {
  const place = { seq, at };
  const isEntry = type === 'message.sent' || type === 'file.added' || type === 'tool.called';
  if (!isEntry || (type === 'message.sent' && seq <= clearedThrough)) return undefined;
  if (data === undefined) return { ...place, type: 'erased' };
  if (type === 'message.sent') return { ...place, type: 'message', message: data as MessageData };
  if (type === 'file.added') {
    const { path, metadata = null, entry } = data as FileData;
    return { ...place, type: 'file', path, metadata, entry };
  }
  const { tool, toolCallId, parameters, entry } = data as PublishedEventData['tool.called'];
  return { ...place, type: 'tool_call', tool, toolCallId, parameters, entry };
}
