// What of two sessions differs: of the state by key, and of the messages those that only one of them has. A page holds so many
// differences; the state is compared on the first page, messages on those that follow.

import { HoldfastError } from '../../base/errors.ts';
import { type Branching, commonAncestor, segmentsOf } from '../../domain/fork/branching.ts';
import { sameJson } from '../../domain/json-merge.ts';
import type { SessionState } from '../../domain/session/session-state.ts';
import type { Call } from '../../operations/bind.ts';
import type { ParsedInputOf } from '../../operations/registry.ts';
import type { Comparison, Difference } from '../../operations/views/fork-views.ts';
import type { ReadingContext } from '../handlers/handler-context.ts';
import { isOrWasMessage, readForwards } from '../handlers/reading.ts';
import type { SessionView } from '../session-view.ts';

/** Which of the parts a page goes on with, behind which of its keys; the versions are those of the first page. */
interface Place {
  readonly mine: number;
  readonly theirs: number;
  readonly part: number;
  readonly after: string;
}

const parts = ['context', 'file', 'index', 'task', 'mine', 'theirs'] as const;

export async function compareSessions(
  context: ReadingContext,
  { sessionId, otherSessionId, limit, cursor }: ParsedInputOf<'sessions.compare'>,
  { signal }: Call,
): Promise<Comparison> {
  const place = cursor === undefined ? undefined : placeFrom(cursor);
  const at = (id: string, seq: number | undefined): Promise<SessionView> =>
    seq === undefined ? context.manager.read(id) : context.past.read(id, seq, 'sessions.compare', signal);
  const mine = await at(sessionId, place?.mine);
  const theirs = await at(otherSessionId, place?.theirs);
  const ancestor = commonAncestor(mine.state.branching, sessionId, theirs.state.branching, otherSessionId);
  const items: Difference[] = [];
  let next: Place | undefined;
  for (let part = place?.part ?? 0; part < parts.length && next === undefined; part++) {
    const after = part === place?.part ? place.after : '';
    const room = limit - items.length;
    const version = ancestor?.version ?? 0;
    const found = await differences(context, parts[part] ?? 'context', {
      mine,
      theirs,
      version,
      after,
      room,
    });
    items.push(...found.items);
    if (found.next !== undefined) next = { mine: mine.seq, theirs: theirs.seq, part, after: found.next };
  }
  const compared = { sessionId, version: mine.seq, otherSessionId, otherVersion: theirs.seq };
  const answer = {
    ...compared,
    ancestor: ancestor === undefined ? null : boundTo(ancestor, mine, theirs),
    items,
  };
  if (next === undefined) return answer;
  return { ...answer, cursor: Buffer.from(JSON.stringify(next)).toString('base64url') };
}

/** A session that is compared with itself has been all that it is. */
const boundTo = (
  { sessionId, version }: { readonly sessionId: string; readonly version: number },
  mine: SessionView,
  theirs: SessionView,
) => ({ sessionId, version: Math.min(version, mine.seq, theirs.seq) });

interface Question {
  readonly mine: SessionView;
  readonly theirs: SessionView;
  readonly version: number;
  readonly after: string;
  readonly room: number;
}

interface Found {
  readonly items: readonly Difference[];
  readonly next: string | undefined;
}

async function differences(
  context: ReadingContext,
  part: (typeof parts)[number],
  question: Question,
): Promise<Found> {
  const { mine, theirs } = question;
  switch (part) {
    case 'context':
      return keyed(
        question,
        'context',
        valuesOf(mine.state.memory.items, ({ value }) => value),
        valuesOf(theirs.state.memory.items, ({ value }) => value),
      );
    case 'file':
      return keyed(
        question,
        'file',
        valuesOf(mine.state.files.active, () => true),
        valuesOf(theirs.state.files.active, () => true),
      );
    case 'index':
      return keyed(
        question,
        'index',
        valuesOf(mine.state.files.index, ({ metadata }) => metadata),
        valuesOf(theirs.state.files.index, ({ metadata }) => metadata),
      );
    case 'task':
      return comparedTasks(context, question);
    case 'mine':
      return ownMessages(context, question, mine, theirs.state, 'onlyHere');
    case 'theirs':
      return ownMessages(context, question, theirs, mine.state, 'onlyThere');
  }
}

type Values = ReadonlyMap<string, Parameters<typeof sameJson>[0]>;

const valuesOf = <T>(
  items: { entries(): Iterable<readonly [string, T]> },
  valueIn: (item: T) => Parameters<typeof sameJson>[0],
): Values => new Map([...items.entries()].map(([key, item]) => [key, valueIn(item)] as const));

function keyed({ after, room }: Question, part: Difference['part'], mine: Values, theirs: Values): Found {
  const keys = [...new Set([...mine.keys(), ...theirs.keys()])].filter((key) => key > after).sort();
  const items: Difference[] = [];
  for (const key of keys) {
    if (mine.has(key) && theirs.has(key) && sameJson(mine.get(key), theirs.get(key))) continue;
    if (items.length === room) return { items, next: items.at(-1)?.key ?? after };
    const kind = !theirs.has(key) ? 'onlyHere' : mine.has(key) ? 'differs' : 'onlyThere';
    items.push({ part, kind, key });
  }
  return { items, next: undefined };
}

async function comparedTasks({ tasks }: ReadingContext, question: Question): Promise<Found> {
  const [mine, theirs] = [question.mine, question.theirs].map(({ state }) => tasks.byOrigin(state.sessionId));
  return keyed(question, 'task', (await mine) ?? new Map(), (await theirs) ?? new Map());
}

/** Behind what both have been, those that were not merged into the other. */
async function ownMessages(
  { journal }: ReadingContext,
  { version, after, room }: Question,
  { state, seq }: SessionView,
  other: SessionState,
  kind: Difference['kind'],
): Promise<Found> {
  const { sessionId, branching, conversation } = state;
  const start = Math.max(version, conversation.clearedThrough, Number(after || 0));
  const span = { after: start, through: seq, conversation, asReplayed: true, lineage: branching.lineage };
  const owners = segmentsOf(branching, sessionId, 0, seq);
  const ownerOf = (at: number): string =>
    owners.find((owner) => at > owner.after && at <= owner.through)?.sessionId ?? sessionId;
  const { items, next } = await readForwards(journal, sessionId, span, room, (event) => {
    if (!isOrWasMessage(event)) return undefined;
    const first = event.data?.origin ?? { sessionId: ownerOf(event.seq), seq: event.seq };
    if (has(other, first)) return undefined;
    return { part: 'message', kind, key: `${first.sessionId}@${first.seq}` } as const;
  });
  return { items, next: next === undefined ? undefined : String(next) };
}

function has(
  { sessionId, branching }: SessionState,
  first: { readonly sessionId: string; readonly seq: number },
): boolean {
  return first.sessionId === sessionId || isMerged(branching, first) || isOfPast(branching, first);
}

const isMerged = (
  { taken }: Branching,
  first: { readonly sessionId: string; readonly seq: number },
): boolean =>
  taken.some(
    ([id, spans]) =>
      id === first.sessionId && spans.some(([from, to]) => from <= first.seq && first.seq <= to),
  );

const isOfPast = (
  { lineage }: Branching,
  first: { readonly sessionId: string; readonly seq: number },
): boolean => lineage.some(({ sessionId, through }) => sessionId === first.sessionId && first.seq <= through);

function placeFrom(cursor: string): Place {
  try {
    const { mine, theirs, part, after } = JSON.parse(Buffer.from(cursor, 'base64url').toString()) as Place;
    const numbers = [mine, theirs, part];
    if (numbers.every((number) => Number.isSafeInteger(number) && number >= 0) && typeof after === 'string')
      return { mine, theirs, part, after };
  } catch {
    // it is none of ours
  }
  throw new HoldfastError('INVALID_CURSOR', { value: cursor });
}
