// What is handed over: what whoever offers has said, and what can be told of the session without a model. Pure, so that a replay
// and the clock of another machine make the same of it.
import { sha256 } from '../../base/hash.ts';
import { listFiles } from '../session/active-files.ts';
import type { MessageEvent } from '../session/session-events.ts';
import { contextOf, type SessionState } from '../session/session-state.ts';
import { encodeSession, sessionLawVersion } from '../session/session-text.ts';
import { listItems } from '../session/working-context.ts';
import type { HandoffKind, HandoffPackage, HandoffRoute } from './handoff.ts';
import type { GivenPackage } from './handoff-events.ts';

const previewLength = 100;
/** Names of files and keys that a package lists. */
const mostNames = 100;

export function packageOf(state: SessionState, seq: number, given: GivenPackage): HandoffPackage {
  const messages = state.conversation.window.toArray();
  return {
    summary: given.summary ?? summaryOf(state, messages),
    keyPoints: given.keyPoints ?? keyPointsOf(state, messages),
    instructions: given.instructions ?? null,
    resumePoint: given.resumePoint ?? null,
    nextActions: given.nextActions ?? [],
    preservedState: given.preservedState ?? null,
    participants: participantsOf(state, messages),
    context: {
      stream: `session/${state.sessionId}`,
      seq,
      stateHash: sha256(encodeSession(state)),
      lawVersion: sessionLawVersion,
      messages: contextOf(state).messages,
      files: listFiles(state.files)
        .slice(0, mostNames)
        .map(({ path }) => path),
      memoryKeys: listItems(state.memory)
        .slice(0, mostNames)
        .map(({ key }) => key),
    },
  };
}

function summaryOf({ sessionId, profile }: SessionState, messages: readonly MessageEvent[]): string {
  const who = profile.name ?? sessionId;
  const last = messages.findLast(({ data }) => data.role === 'user' || data.role === 'assistant');
  if (last === undefined) return `${who}: nothing was said yet.`;
  return `${who}: ${messages.length} messages at hand, the last by ${last.data.role}: ${preview(last)}`;
}

function keyPointsOf(state: SessionState, messages: readonly MessageEvent[]): string[] {
  const firstAsked = messages.find(({ data }) => data.role === 'user');
  const tools = new Set(
    messages.flatMap(({ data }) => (data.role === 'tool' && data.name ? [data.name] : [])),
  );
  const { files, memory } = state;
  return [
    ...(firstAsked === undefined ? [] : [`It began with: ${preview(firstAsked)}`]),
    ...(tools.size === 0 ? [] : [`Tools used: ${[...tools].join(', ')}`]),
    ...(files.active.size === 0 ? [] : [`${files.active.size} files are open`]),
    ...(memory.items.size === 0 ? [] : [`${memory.items.size} values are in its working memory`]),
  ];
}

function participantsOf({ profile }: SessionState, messages: readonly MessageEvent[]): string[] {
  const named = messages.map(({ data }) =>
    data.role === 'user' ? `user:${data.name ?? 'unnamed'}` : undefined,
  );
  return [...new Set([profile.agent ?? undefined, ...named])].filter((name) => name !== undefined);
}

function preview({ data }: MessageEvent): string {
  const { content } = data;
  const text = typeof content === 'string' ? content : JSON.stringify(content);
  return text.length > previewLength ? `${text.slice(0, previewLength)}…` : text;
}

/** The package as a model reads it. */
export function packageText(
  { summary, keyPoints, instructions, resumePoint, nextActions }: HandoffPackage,
  kind: HandoffKind,
  { from, to }: HandoffRoute,
): string {
  const list = (title: string, items: readonly string[]): string[] =>
    items.length === 0 ? [] : [`${title}:`, ...items.map((item) => `- ${item}`)];
  return [
    `Handed over by ${from} to ${to} (${kind}).`,
    summary,
    ...list('Key points', keyPoints),
    ...(resumePoint === null ? [] : [`Go on at: ${resumePoint}`]),
    ...list('Next', nextActions),
    ...(instructions === null ? [] : [`Instructions: ${instructions}`]),
  ].join('\n');
}
