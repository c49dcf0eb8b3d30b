// Session trees: what was opened under what, what becomes of those below when one ends, and what all of them spend. Each session that
// takes part has a stream of its own beside it; what one means for another is carried over by the relay.
import type { Durability } from '../../base/durability.ts';
import { HoldfastError } from '../../base/errors.ts';
import type { Json } from '../../base/json.ts';
import type { Usage } from '../../domain/agent/agent-budget.ts';
import type { SessionTree } from '../../domain/session/session-events.ts';
import type { SessionStatus } from '../../domain/session/session-lifecycle.ts';
import { type TreeCommand, type TreeEventData, treeLaw, treeStream } from '../../domain/tree/tree-law.ts';
import { openChildren, spentInAll, type TreeChild, type TreeState } from '../../domain/tree/tree-state.ts';
import type { Answer, CommandMeta, CommandSource } from '../../entity/command-meta.ts';
import type { Journal, StoredEvent } from '../../journal/journal.ts';
import type { Invoke } from '../../operations/bind.ts';
import { EntityHost, type EntityHostOptions } from '../entity-host.ts';
import type { RelayJob, RelayRoute } from './relay.ts';

export interface TreeSession {
  readonly status: SessionStatus;
  readonly durability: Durability;
  readonly tree: SessionTree | undefined;
  readonly parentSessionId: string | null;
}

export interface TreesOptions extends Omit<EntityHostOptions<TreeState, TreeCommand>, 'law' | 'maxLiving'> {
  readonly journal: Journal;
  /** Throws `SESSION_NOT_FOUND`. */
  readonly session: (sessionId: string) => Promise<TreeSession>;
  readonly invoke: Invoke;
}

/** One that is damaged can be read by nobody: it has not ended, as far as is known. */
type KnownStatus = SessionStatus | 'unreadable';

const over: ReadonlySet<KnownStatus> = new Set(['terminated', 'archived', 'deleted']);

export class Trees implements RelayRoute {
  readonly host: EntityHost<TreeState, TreeCommand>;
  readonly #options: TreesOptions;
  /** Sessions that take part in a tree. */
  readonly #nodes = new Set<string>();

  constructor(options: TreesOptions) {
    this.#options = options;
    this.host = new EntityHost({ ...options, law: treeLaw });
  }

  async adopt(): Promise<void> {
    await this.#options.journal.survey(treeStream(''), (glance) => {
      if (glance.status !== 'deleted') this.#nodes.add(idOf(glance.whole().stream));
    });
  }

  has(sessionId: string): boolean {
    return this.#nodes.has(sessionId);
  }

  send(sessionId: string, command: TreeCommand, meta?: CommandMeta): Promise<Answer> {
    this.#nodes.add(sessionId);
    return this.host.send(sessionId, command, meta);
  }

  /** Undefined for one that takes part in no tree. */
  async find(sessionId: string): Promise<TreeState | undefined> {
    const { state } = await this.host.read(sessionId);
    return state.rootSessionId === null ? undefined : state;
  }

  /** The nearest whose budget is used up, from this session on upwards. */
  async exhaustedAbove(sessionId: string): Promise<TreeState | undefined> {
    for (let id: string | null = sessionId; id !== null && this.#nodes.has(id); ) {
      const state = await this.find(id);
      if (state?.isExhausted && state.end === null) return state;
      id = state?.parent ?? null;
    }
    return undefined;
  }

  /** It and all that stand below it, as far as they take part in a tree. */
  async below(sessionId: string): Promise<TreeState[]> {
    const state = await this.find(sessionId);
    if (state === undefined) return [];
    const children = await Promise.all(openChildren(state).map((child) => this.below(child.sessionId)));
    return [state, ...children.flat()];
  }

  /** Those of a session and all below it that have not ended, whatever is told of them. */
  async living(sessionId: string): Promise<string[]> {
    const ids = (await this.below(sessionId)).map((state) => state.sessionId);
    const alive = await Promise.all(ids.map((id) => this.#isAlive(id)));
    return ids.filter((_, i) => alive[i]);
  }

  /** Once more, of those that were to end before and came back. */
  async endAgain(sessionIds: readonly string[], reason: string): Promise<void> {
    await Promise.all(sessionIds.map((id) => this.#cancel(id, reason)));
  }

  /** True for the lane of one of these sessions. */
  concerns(lane: string, ids: ReadonlySet<string>): boolean {
    return lane.startsWith(laneStart) && ids.has(lane.slice(laneStart.length));
  }

  /** Puts a session that was opened where it belongs; one whose parent has ended meanwhile follows it at once. */
  async join(sessionId: string, parent: string, tree: SessionTree): Promise<void> {
    const { rootSessionId, link, budget = null } = tree;
    await this.send(sessionId, { type: 'tree.open', rootSessionId, parent, link, budget });
    // Whoever asks again after its end, or when it stands elsewhere, changes nothing.
    const state = await this.find(sessionId);
    if (state?.end === null && state.parent === parent)
      await this.#standUnder(sessionId, parent, link, rootSessionId);
  }

  /** The result of a child that has ended, from the record of its parent; undefined while it has not. */
  async resultOf(
    sessionId: string,
    child: string,
  ): Promise<{ child: TreeChild; result: Json; reason: string } | undefined> {
    const known = (await this.find(sessionId))?.children.get(child);
    if (known === undefined) throw new HoldfastError('CHILD_SESSION_NOT_FOUND', { sessionId, child });
    if (known.end === null) return undefined;
    const data = await this.#dataAt<'tree.childEnded'>(sessionId, known.end.seq);
    return { child: known, result: data?.result ?? null, reason: known.end.reason };
  }

  on(event: StoredEvent): RelayJob | undefined {
    const { stream, type, data, seq } = event;
    const slash = stream.indexOf('/');
    const kind = stream.slice(0, slash);
    const id = stream.slice(slash + 1);
    if (data === undefined) return undefined;
    const job = (run: () => Promise<void>): RelayJob => ({ lane: laneStart + id, run });
    const source = { manager: 'trees', stream, seq, index: 0 };
    if (kind === 'session') {
      if (type === 'session.created') return this.#onCreated(id, data as Created, job);
      if (!this.#nodes.has(id)) return undefined;
      return this.#onSession(id, type, data, source, job);
    }
    if (kind === 'condition' && type === 'condition.cleared' && this.#nodes.has(id))
      return job(() => this.#isReachedAgain(id));
    return kind === 'tree' ? this.#onTree(id, type, data, source, job) : undefined;
  }

  /** Nothing is left of a session but this place. */
  onForgotten({ stream }: Pick<StoredEvent, 'stream'>): RelayJob | undefined {
    const id = idOf(stream);
    if (!stream.startsWith('session/') || !this.#nodes.has(id)) return undefined;
    return { lane: laneStart + id, run: () => this.#removed(id) };
  }

  #onCreated(
    id: string,
    { parentSessionId, tree }: Created,
    job: (run: () => Promise<void>) => RelayJob,
  ): RelayJob | undefined {
    if (tree === undefined || parentSessionId === null) return undefined;
    // What follows in the feed is read before it has joined.
    this.#nodes.add(id);
    return job(() => this.join(id, parentSessionId, tree));
  }

  #onSession(
    id: string,
    type: string,
    data: unknown,
    source: CommandSource,
    job: (run: () => Promise<void>) => RelayJob,
  ): RelayJob | undefined {
    if (type === 'session.restored')
      return job(async () => {
        await this.send(id, { type: 'tree.reopen' }, { source });
        await this.#restIfExhausted(id);
      });
    if (type === 'agent.usageReported') {
      const { tokens, cost } = data as Usage;
      return job(async () => {
        await this.send(id, { type: 'tree.charge', from: id, tokens, cost }, { source });
        await this.#restIfExhausted(id);
      });
    }
    if (type !== 'session.statusChanged') return undefined;
    const { to, reason } = data as { readonly to: SessionStatus; readonly reason: string };
    if (to === 'terminated') return job(() => this.#hasEnded(id, reason, source));
    // Whoever lets it go on has to give another budget first.
    if (to === 'active') return job(() => this.#restIfExhausted(id));
    return to === 'deleted' ? job(() => this.#removed(id)) : undefined;
  }

  #onTree(
    id: string,
    type: string,
    data: unknown,
    source: CommandSource,
    job: (run: () => Promise<void>) => RelayJob,
  ): RelayJob | undefined {
    switch (type as keyof TreeEventData) {
      case 'tree.charged':
        return job(() => this.#chargeAbove(id, data as Usage, source));
      case 'tree.childEnded':
        return job(() => this.#chargeAbove(id, (data as TreeEventData['tree.childEnded']).more, source));
      case 'tree.cancelled':
        return job(() => this.#cancel(id, (data as TreeEventData['tree.cancelled']).reason));
      case 'tree.exhausted':
        return job(() => this.#exhausted(id));
      default:
        return undefined;
    }
  }

  async #chargeAbove(id: string, { tokens, cost }: Usage, source: CommandSource): Promise<void> {
    const parent = (await this.find(id))?.parent ?? null;
    if (parent === null || !this.#nodes.has(parent) || (tokens === 0 && cost === 0)) return;
    const { seq } = source;
    await this.send(parent, { type: 'tree.charge', from: id, seq, tokens, cost }, { source });
  }

  /** One that was restored since, and was not ended here, goes on with those that stand below it. */
  async #hasEnded(id: string, reason: string, source: CommandSource): Promise<void> {
    const end = (await this.find(id))?.end ?? null;
    if (end !== null || !(await this.#isAlive(id))) await this.#ended(id, reason, { source });
  }

  /** Those below follow it as their links say, and the one above has its result. */
  async #ended(id: string, reason: string, meta?: CommandMeta): Promise<void> {
    await this.send(id, { type: 'tree.end', reason }, meta);
    const { state, seq: through } = await this.host.read(id);
    // One that was reopened since had all of this done.
    if (state.rootSessionId === null || state.end === null) return;
    for (const child of openChildren(state)) await this.#settle(state, child);
    if (state.parent === null || !this.#nodes.has(state.parent)) return;
    const returned = await this.#dataAt<'tree.returned'>(id, state.returnedSeq);
    const usage = spentInAll(state);
    const end = {
      type: 'tree.endChild',
      child: id,
      reason,
      result: returned?.result ?? null,
      ...{ usage, through },
    } as const;
    await this.send(state.parent, end);
  }

  async #removed(id: string): Promise<void> {
    if (await this.#isAlive(id)) return;
    const state = await this.find(id);
    if (state !== undefined) await this.#ended(id, state.end?.reason ?? 'deleted');
    await this.#remove(id);
  }

  async #settle(parent: TreeState, { sessionId: child, link }: TreeChild): Promise<void> {
    if (parent.cancelled !== null) {
      await this.send(child, { type: 'tree.cancel', reason: parent.cancelled });
      return;
    }
    if (link === 'terminate') {
      await this.#terminate(child, 'parentEnded');
      return;
    }
    const above = link === 'return' ? await this.#livingAbove(parent) : null;
    await this.send(child, { type: 'tree.move', parent: above });
    if (above !== null) await this.#standUnder(child, above, link, parent.rootSessionId ?? above, true);
    await this.send(parent.sessionId, { type: 'tree.leave', child, to: above });
  }

  async #standUnder(
    child: string,
    parent: string,
    link: TreeChild['link'],
    rootSessionId: string,
    moved?: true,
  ): Promise<void> {
    const place = { child, link, rootSessionId, ...(moved && { moved }) };
    await this.send(parent, { type: 'tree.adopt', ...place });
    const status = await this.#statusOf(parent);
    if (status !== undefined && !over.has(status)) {
      await this.#standUnderLiving(child, parent);
      return;
    }
    await this.#ended(parent, 'ended');
    if (status === undefined) await this.#remove(parent);
  }

  /** One that is to end, and could not be ended yet, is not told to have ended: who stands under it ends before. */
  async #standUnderLiving(child: string, parent: string): Promise<void> {
    const cancelled = (await this.find(parent))?.cancelled ?? null;
    if (cancelled === null) await this.#restIfExhausted(child);
    else await this.send(child, { type: 'tree.cancel', reason: cancelled });
  }

  /** What could not be done while nobody could reach it is done now. */
  async #isReachedAgain(id: string): Promise<void> {
    const state = await this.find(id);
    if (state === undefined) return;
    const { cancelled, parent, link, end } = state;
    if (end === null && !(await this.#isAlive(id))) await this.#ended(id, 'ended');
    else if (cancelled !== null) await this.#cancel(id, cancelled);
    else if (link === 'terminate' && parent !== null && !(await this.#isAlive(parent)))
      await this.#terminate(id, 'parentEnded');
    else await this.#restIfExhausted(id);
  }

  async #remove(id: string): Promise<void> {
    this.#nodes.delete(id);
    await this.host.remove(id);
  }

  async #livingAbove({ parent }: TreeState): Promise<string | null> {
    for (let id = parent; id !== null; ) {
      const status = await this.#statusOf(id);
      const state = await this.find(id);
      const lives = status !== undefined && !over.has(status) && status !== 'terminating';
      if (lives && state?.end === null && state.cancelled === null) return id;
      id = state?.parent ?? null;
    }
    return null;
  }

  /** It and all below it end, whatever their links say. */
  async #cancel(id: string, reason: string): Promise<void> {
    const state = await this.find(id);
    for (const child of state === undefined ? [] : openChildren(state))
      await this.send(child.sessionId, { type: 'tree.cancel', reason });
    await this.#terminate(id, reason);
  }

  async #exhausted(id: string): Promise<void> {
    const state = await this.find(id);
    if (state === undefined || !state.isExhausted) return;
    if (state.budget?.onExhausted === 'terminate')
      await this.send(id, { type: 'tree.cancel', reason: 'budgetExhausted' });
    else await this.#pauseAll(id);
  }

  /** What comes into a tree whose budget is used up, or is let go on there, is paused as all others were. */
  async #restIfExhausted(id: string): Promise<void> {
    const exhausted = await this.exhaustedAbove(id);
    if (exhausted !== undefined && exhausted.budget?.onExhausted !== 'terminate') await this.#pauseAll(id);
  }

  async #pauseAll(id: string): Promise<void> {
    const status = await this.#statusOf(id);
    if (status !== undefined && pausable.has(status))
      await this.#ask('sessions.pause', id, 'budgetExhausted');
    const state = await this.find(id);
    for (const child of state === undefined ? [] : openChildren(state)) await this.#pauseAll(child.sessionId);
  }

  async #terminate(id: string, reason: string): Promise<void> {
    if (await this.#isAlive(id)) await this.#ask('sessions.terminate', id, reason);
  }

  /** One that cannot be reached, because it is quarantined, holds up no other. */
  async #ask(
    operation: 'sessions.pause' | 'sessions.terminate',
    sessionId: string,
    reason: string,
  ): Promise<void> {
    try {
      await this.#options.invoke(operation, { sessionId, reason }, { by: 'tree' });
    } catch (error) {
      if (!HoldfastError.is(error) || error.retryable) throw error;
      this.#options.telemetry('tree.refused', { sessionId, operation, code: error.code });
    }
  }

  async #isAlive(id: string): Promise<boolean> {
    const status = await this.#statusOf(id);
    return status !== undefined && !over.has(status);
  }

  async #statusOf(id: string): Promise<KnownStatus | undefined> {
    try {
      return (await this.#options.session(id)).status;
    } catch (error) {
      if (HoldfastError.is(error, 'SESSION_NOT_FOUND')) return undefined;
      if (!HoldfastError.is(error) || error.retryable) throw error;
      return 'unreadable';
    }
  }

  async #dataAt<Type extends keyof TreeEventData>(
    id: string,
    seq: number | null,
  ): Promise<TreeEventData[Type] | undefined> {
    if (seq === null) return undefined;
    const { events } = await this.#options.journal.readFrom(treeStream(id), seq - 1, { limit: 1 });
    return events[0]?.data as TreeEventData[Type] | undefined;
  }
}

const laneStart = 'tree/';

type Created = { readonly parentSessionId: string | null; readonly tree?: SessionTree };

const pausable: ReadonlySet<KnownStatus> = new Set(['active', 'idle', 'dormant']);

const idOf = (stream: string): string => stream.slice(stream.indexOf('/') + 1);
