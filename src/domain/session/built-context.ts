// The context that a model is given: chosen sections of a session, cut to a token budget, saying what was left out.
import type { Json } from '../../base/json.ts';
import { listFiles, listIndex } from './active-files.ts';
import { isKept } from './conversation.ts';
import type { MessageEvent } from './session-events.ts';
import { contextOf, type SessionState } from './session-state.ts';
import { listItems } from './working-context.ts';

export const contextSections = ['conversation', 'files', 'fileIndex', 'workingContext'] as const;
export type ContextSection = (typeof contextSections)[number];

export interface ContextRequest {
  readonly include: readonly ContextSection[];
  readonly maxMessages?: number;
  readonly maxFiles?: number;
  readonly tokenBudget?: number;
}

/** Counts the tokens of a text. The default is the common estimate: a quarter of its characters, at least one. */
export type TokenCounter = (text: string) => number;
export const estimateTokens: TokenCounter = (text) => Math.max(1, Math.ceil(text.length / 4));

export interface ContextMessage {
  readonly seq: number;
  readonly at: number;
  readonly role: string;
  readonly content: Json;
  readonly toolCalls?: readonly Json[];
  readonly toolCallId?: string;
  readonly name?: string;
}

export interface BuiltContext {
  readonly sessionId: string;
  readonly conversation?: readonly ContextMessage[];
  readonly files?: readonly { readonly path: string; readonly addedAt: number }[];
  readonly fileIndex?: readonly {
    readonly path: string;
    readonly metadata: Json;
    readonly lastAccessedAt: number;
  }[];
  readonly workingContext?: { readonly [key: string]: Json };
  /** Sections that could not be built, and why; the others are there. */
  readonly degraded: readonly { readonly section: string; readonly problem: string }[];
  readonly metadata: {
    readonly conversationCount: number;
    readonly activeFileCount: number;
    readonly tokens: number;
    readonly tokenBudget: number;
    /** Messages of the conversation that are not in the context. */
    readonly omittedMessages: number;
    readonly timestamp: number;
  };
}

/** What of the conversation the caller could load: the messages at hand, kept ones before them first. */
export interface LoadedConversation {
  readonly messages: readonly MessageEvent[];
  readonly problem?: string;
}

export function buildContext(
  state: SessionState,
  loaded: LoadedConversation,
  request: ContextRequest,
  now: number,
  count: TokenCounter,
): BuiltContext {
  const { config } = state.profile;
  const tokenBudget = request.tokenBudget ?? config.tokenBudget;
  const has = (section: ContextSection): boolean => request.include.includes(section);
  const chosen = has('conversation')
    ? chooseMessages(
        state,
        loaded.messages,
        tokenBudget * (1 - config.tokenReserve),
        request.maxMessages,
        count,
      )
    : { messages: [], tokens: 0 };
  return {
    sessionId: state.sessionId,
    ...(has('conversation') && { conversation: chosen.messages.map(messageView) }),
    ...(has('files') && {
      files: newest(listFiles(state.files), request.maxFiles).map(({ path, addedAt }) => ({ path, addedAt })),
    }),
    ...(has('fileIndex') && {
      fileIndex: listIndex(state.files).map(({ path, metadata, lastAccessedAt }) => ({
        path,
        metadata,
        lastAccessedAt,
      })),
    }),
    ...(has('workingContext') && {
      workingContext: Object.fromEntries(listItems(state.memory).map(({ key, value }) => [key, value])),
    }),
    degraded: loaded.problem === undefined ? [] : [{ section: 'conversation', problem: loaded.problem }],
    metadata: {
      conversationCount: contextOf(state).messages,
      activeFileCount: state.files.active.size,
      tokens: chosen.tokens,
      tokenBudget,
      omittedMessages: contextOf(state).messages - chosen.messages.length,
      timestamp: now,
    },
  };
}

/** System and pinned messages stay; of the others the newest stay, as many as the budget and the limit allow. */
function chooseMessages(
  state: SessionState,
  messages: readonly MessageEvent[],
  budget: number,
  maxMessages: number | undefined,
  count: TokenCounter,
): { messages: MessageEvent[]; tokens: number } {
  const kept = messages.filter(({ seq }) => isKept(state.conversation, seq));
  const others = messages.filter(({ seq }) => !isKept(state.conversation, seq));
  const chosen = [...kept];
  let tokens = kept.reduce((sum, message) => sum + tokensOf(message, count), 0);
  for (const message of newest(others, maxMessages).reverse()) {
    const cost = tokensOf(message, count);
    if (tokens + cost > budget) break;
    tokens += cost;
    chosen.push(message);
  }
  return { messages: chosen.sort((a, b) => a.seq - b.seq), tokens };
}

function tokensOf({ data }: MessageEvent, count: TokenCounter): number {
  const content = typeof data.content === 'string' ? data.content : JSON.stringify(data.content ?? '');
  return count(data.toolCalls === undefined ? content : content + JSON.stringify(data.toolCalls));
}

function messageView({ seq, at, data }: MessageEvent): ContextMessage {
  const { role, content, toolCalls, toolCallId, name } = data;
  return {
    seq,
    at,
    role,
    content,
    ...(toolCalls !== undefined && { toolCalls }),
    ...(toolCallId !== undefined && { toolCallId }),
    ...(name !== undefined && { name }),
  };
}

function newest<T>(items: readonly T[], limit: number | undefined): T[] {
  return limit === undefined ? [...items] : items.slice(Math.max(0, items.length - limit));
}
