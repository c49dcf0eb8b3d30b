// The law of one session's place in its tree. Whatever is asked for twice is done once, so that whoever follows the feed may ask
// again after a kill.

import { assertNever } from '../../base/errors.ts';
import type { Json } from '../../base/json.ts';
import type { Usage } from '../agent/agent-budget.ts';
import { type Decision, type Law, type LawEvent, type Proposal, refuse } from '../law.ts';
import {
  decodeTree,
  encodeTree,
  initialTree,
  listChildren,
  noUsage,
  openChildren,
  plus,
  spentInAll,
  type TreeBudget,
  type TreeChild,
  type TreeLink,
  type TreeState,
} from './tree-state.ts';

export interface TreeEventData {
  'tree.opened': {
    readonly rootSessionId: string;
    readonly parent: string | null;
    readonly link: TreeLink | null;
    readonly budget: TreeBudget | null;
  };
  'tree.childOpened': {
    readonly child: string;
    readonly link: TreeLink;
    /** It stood elsewhere before, where what it had spent until then is counted. */
    readonly moved?: true;
  };
  'tree.childEnded': {
    readonly child: string;
    readonly reason: string;
    readonly result: Json;
    /** In all. */
    readonly usage: Usage;
    /** Of it what was not known before. */
    readonly more: Usage;
    /** Of the child's own tree: what was charged up to there is part of `usage`. */
    readonly through?: number;
  };
  /** It stands elsewhere: under another, or alone. */
  'tree.childLeft': { readonly child: string; readonly to: string | null };
  'tree.charged': Usage & { readonly from: string };
  'tree.exhausted': { readonly what: 'tokens' | 'cost'; readonly spent: number; readonly limit: number };
  'tree.budgetSet': { readonly budget: TreeBudget | null };
  'tree.moved': { readonly parent: string | null };
  'tree.returned': { readonly result: Json };
  'tree.cancelled': { readonly reason: string };
  'tree.ended': { readonly reason: string };
  'tree.reopened': object;
}

export type TreeCommand =
  | (TreeEventData['tree.opened'] & { readonly type: 'tree.open' })
  | {
      readonly type: 'tree.adopt';
      readonly child: string;
      readonly link: TreeLink;
      readonly rootSessionId: string;
      readonly moved?: true;
    }
  | {
      readonly type: 'tree.endChild';
      readonly child: string;
      readonly reason: string;
      readonly result: Json;
      readonly usage: Usage;
      readonly through: number;
    }
  | { readonly type: 'tree.leave'; readonly child: string; readonly to: string | null }
  /** `seq`: where it stands in the tree of the child that it comes from. */
  | (Usage & { readonly type: 'tree.charge'; readonly from: string; readonly seq?: number })
  | { readonly type: 'tree.setBudget'; readonly budget: TreeBudget | null }
  | { readonly type: 'tree.move'; readonly parent: string | null }
  | { readonly type: 'tree.return'; readonly result: Json }
  | { readonly type: 'tree.cancel' | 'tree.end'; readonly reason: string }
  | { readonly type: 'tree.reopen' };

/** So many children that have ended are remembered one by one. */
const keptEnded = 1_000;
const mostOpen = 10_000;

export const treeLaw: Law<TreeState, TreeCommand> = {
  kind: 'tree',
  version: 1,
  eventVersions: {},
  initial: initialTree,
  tombstone: initialTree,
  decide: decideTree,
  evolve: evolveTree,
  explain: ({ sessionId }, { type: command }) => ({
    code: 'INVALID_INPUT',
    details: { operation: command, field: 'sessionId', problem: `${sessionId} is in no tree` },
  }),
  isUrgent: () => true,
  refersTo: (state) => [
    ...(state.returnedSeq === null ? [] : [state.returnedSeq]),
    ...listChildren(state).flatMap(({ end }) => (end === null ? [] : [end.seq])),
  ],
  due: () => undefined,
  nextDeadline: () => null,
  summarize: ({ end, children, parent }) => ({
    ...{ status: end === null ? 'open' : 'ended', dueAt: null },
    summary: { parent, children: children.size },
  }),
  encode: (state) => encodeTree(state, listChildren(state)),
  decode: decodeTree,
};

export const treeStream = (sessionId: string): string => `${treeLaw.kind}/${sessionId}`;

const nothing: Decision = { events: [] };

function decideTree(state: TreeState, command: TreeCommand): Decision {
  switch (command.type) {
    case 'tree.open': {
      const { type: _, ...data } = command;
      return state.rootSessionId === null ? one('tree.opened', data) : nothing;
    }
    case 'tree.adopt':
      return adopt(state, command);
    case 'tree.endChild':
      return endChild(state, command);
    case 'tree.leave':
      return state.children.get(command.child)?.end === null
        ? one('tree.childLeft', { child: command.child, to: command.to })
        : nothing;
    case 'tree.charge':
      return charge(state, command);
    case 'tree.setBudget': {
      const budget = one('tree.budgetSet', { budget: command.budget });
      return state.rootSessionId === null ? opened(state, budget) : budget;
    }
    case 'tree.move':
      return state.parent === command.parent
        ? nothing
        : opened(state, one('tree.moved', { parent: command.parent }));
    case 'tree.return':
      return returned(state, command.result);
    case 'tree.cancel':
      return state.cancelled === null && state.end === null
        ? opened(state, one('tree.cancelled', { reason: command.reason }))
        : nothing;
    case 'tree.end':
      return state.end === null ? one('tree.ended', { reason: command.reason }) : nothing;
    case 'tree.reopen':
      return state.end === null ? nothing : one('tree.reopened', {});
    default:
      return assertNever(command);
  }
}

type OneEvent = { readonly events: readonly Proposal[]; readonly reply?: Readonly<Record<string, unknown>> };

const one = <Type extends keyof TreeEventData>(type: Type, data: TreeEventData[Type]): OneEvent => ({
  events: [{ type, data }],
});

/** One that was opened under nobody is the root of what is opened under it. */
function opened({ sessionId, rootSessionId }: TreeState, decision: OneEvent, root = sessionId): Decision {
  if (rootSessionId !== null) return decision;
  const data = { rootSessionId: root, parent: null, link: null, budget: null };
  return { ...decision, events: [{ type: 'tree.opened', data }, ...decision.events] };
}

function adopt(
  state: TreeState,
  { child, link, rootSessionId, moved }: TreeCommand & { type: 'tree.adopt' },
): Decision {
  const isOver = state.end !== null || state.cancelled !== null;
  const reply = { isOver };
  const known = state.children.get(child);
  if (known !== undefined) return { events: [], reply };
  if (openChildren(state).length >= mostOpen)
    return refuse('AT_CAPACITY', {
      ...{ what: 'list of children', sessionId: state.sessionId, size: mostOpen, limit: mostOpen },
    });
  const data = { child, link, ...(moved && { moved }) };
  return opened(state, { ...one('tree.childOpened', data), reply }, rootSessionId);
}

/** What it has spent may be known here before it was charged. Of one that has moved here some is counted elsewhere: that is waited for. */
function endChild(state: TreeState, command: TreeCommand & { type: 'tree.endChild' }): Decision {
  const { child, reason, result, usage, through } = command;
  const known = state.children.get(child);
  if (known === undefined || known.end !== null) return nothing;
  if (known.moved === true) {
    const data = { child, reason, result, usage: known.usage, more: noUsage };
    return one('tree.childEnded', data);
  }
  const more = {
    tokens: Math.max(usage.tokens - known.usage.tokens, 0),
    cost: Math.max(usage.cost - known.usage.cost, 0),
  };
  return exhausting(state, more, one('tree.childEnded', { child, reason, result, usage, more, through }));
}

function charge(
  state: TreeState,
  { from, tokens, cost, seq = Number.POSITIVE_INFINITY }: TreeCommand & { type: 'tree.charge' },
): Decision {
  const child = state.children.get(from);
  const isKnown = from === state.sessionId || child !== undefined;
  if (state.rootSessionId === null || !isKnown) return nothing;
  if (seq <= (child?.end?.through ?? 0)) return nothing;
  return exhausting(state, { tokens, cost }, one('tree.charged', { from, tokens, cost }));
}

/** What is used up with it is said in the same breath, once. */
function exhausting(state: TreeState, more: Usage, { events }: OneEvent): Decision {
  const { budget, isExhausted } = state;
  if (budget === null || isExhausted) return { events };
  const spent = plus(spentInAll(state), more);
  const units = ['tokens', 'cost'] as const;
  const what = units.find((unit) => spent[unit] >= (budget[unit] ?? Number.POSITIVE_INFINITY));
  if (what === undefined) return { events };
  const data = { what, spent: spent[what], limit: budget[what] ?? 0 };
  return { events: [...events, { type: 'tree.exhausted', data }] };
}

/** The first result stands. */
function returned(state: TreeState, result: Json): Decision {
  if (state.returnedSeq !== null || state.end !== null) return nothing;
  return opened(state, one('tree.returned', { result }));
}

type Data<Type extends keyof TreeEventData> = TreeEventData[Type];

function evolveTree(state: TreeState, { type, at, seq, data }: LawEvent): TreeState | undefined {
  switch (type as keyof TreeEventData) {
    case 'tree.opened':
      return { ...state, ...(data as Data<'tree.opened'>) };
    case 'tree.childOpened': {
      const { child: sessionId, link, moved } = data as Data<'tree.childOpened'>;
      const { usage } = state.children.get(sessionId) ?? { usage: noUsage };
      const ended = state.ended.filter((id) => id !== sessionId);
      return withChild(
        { ...state, ended },
        { sessionId, link, usage, openedAt: at, openedSeq: seq, end: null, ...(moved && { moved }) },
      );
    }
    case 'tree.childEnded': {
      const { child, reason, usage, through } = data as Data<'tree.childEnded'>;
      return withEnd(state, child, { at, seq, reason, ...(through !== undefined && { through }) }, usage);
    }
    case 'tree.childLeft':
      return withEnd(state, (data as Data<'tree.childLeft'>).child, { at, seq, reason: 'left' });
    case 'tree.charged':
      return withCharge(state, data as Data<'tree.charged'>);
    case 'tree.exhausted':
      return { ...state, isExhausted: true };
    case 'tree.budgetSet':
      return { ...state, budget: (data as Data<'tree.budgetSet'>).budget, isExhausted: false };
    case 'tree.moved':
      return { ...state, parent: (data as Data<'tree.moved'>).parent };
    case 'tree.returned':
      return { ...state, returnedSeq: seq };
    case 'tree.cancelled':
      return { ...state, cancelled: (data as Data<'tree.cancelled'>).reason };
    case 'tree.ended':
      return { ...state, end: { at, reason: (data as Data<'tree.ended'>).reason } };
    case 'tree.reopened':
      return { ...state, end: null, cancelled: null, returnedSeq: null };
    default:
      return undefined;
  }
}

const withChild = (state: TreeState, child: TreeChild): TreeState => ({
  ...state,
  children: state.children.set(child.sessionId, child),
});

function withCharge(state: TreeState, { from, tokens, cost }: Data<'tree.charged'>): TreeState {
  const more = { tokens, cost };
  if (from === state.sessionId) return { ...state, own: plus(state.own, more) };
  const child = state.children.get(from);
  return child === undefined ? state : withChild(state, { ...child, usage: plus(child.usage, more) });
}

function withEnd(state: TreeState, id: string, end: NonNullable<TreeChild['end']>, usage?: Usage): TreeState {
  const child = state.children.get(id);
  if (child === undefined) return state;
  const next = withChild(state, { ...child, end, usage: usage ?? child.usage });
  const ended = [...next.ended, id];
  const [oldest = ''] = ended;
  if (ended.length <= keptEnded) return { ...next, ended };
  const forgotten = plus(next.forgotten, next.children.get(oldest)?.usage ?? noUsage);
  return { ...next, ended: ended.slice(1), children: next.children.delete(oldest), forgotten };
}
