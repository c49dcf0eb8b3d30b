// How a client hears of what happens in a space: by callback, or as an iterator; both from a cursor on where one is given.
import { z } from 'zod';
import { HoldfastError, textOrType } from '../base/errors.ts';
import { idPattern, idRule } from '../base/ids.ts';
import { type SpaceEventType, spaceEventTypes } from '../domain/space/space-events.ts';
import { firstFault } from './operation.ts';
import { sessionId } from './schema.ts';
import type { SpaceEvent } from './views/space-views.ts';

export interface SpaceQuery<Type extends SpaceEventType = SpaceEventType> {
  readonly spaceId: string;
  /** Who listens: a member, or whose space it is. */
  readonly sessionId: string;
  /**
   * The cursor, or the `seq`, of the last event that was seen. Without it a subscription begins now and a stream at the
   * beginning; with `'now'` both begin now.
   */
  readonly after?: string;
  /** Only events of these types. */
  readonly types?: readonly Type[];
}

export interface SpaceStreamQuery<Type extends SpaceEventType = SpaceEventType> extends SpaceQuery<Type> {
  /** Ends the stream; the iterator then throws the signal's reason. */
  readonly signal?: AbortSignal;
}

export interface SpaceEventStream<Type extends SpaceEventType = SpaceEventType>
  extends AsyncIterator<SpaceEvent<Type>, undefined, undefined>,
    AsyncDisposable {
  next(): Promise<IteratorResult<SpaceEvent<Type>, undefined>>;
  return(): Promise<IteratorResult<SpaceEvent<Type>, undefined>>;
  [Symbol.asyncIterator](): SpaceEventStream<Type>;
}

export type SpaceListener<Type extends SpaceEventType = SpaceEventType> = (event: SpaceEvent<Type>) => void;

export interface SpaceEventPort {
  /**
   * Without gap or repeat from the cursor on; ends when the session leaves or the space is deleted. The iterator throws
   * `SPACE_NOT_FOUND`, `NOT_A_MEMBER`, `INVALID_CURSOR`, and ends in silence when `closing` is aborted.
   */
  stream<Type extends SpaceEventType>(
    query: SpaceStreamQuery<Type>,
    closing?: AbortSignal,
  ): SpaceEventStream<Type>;
  /** Resolves when it has begun, with how to end it. Throws as the iterator does. */
  subscribe<Type extends SpaceEventType>(
    query: SpaceQuery<Type>,
    listener: SpaceListener<Type>,
  ): Promise<() => void>;
}

const spaceQuery = z.strictObject({
  spaceId: z.string().regex(idPattern, idRule),
  sessionId,
  after: z.string().max(1024).optional(),
  types: z.array(z.enum(spaceEventTypes as readonly [SpaceEventType, ...SpaceEventType[]])).optional(),
  signal: z.instanceof(AbortSignal).optional(),
});

/** Throws `INVALID_ID` or `INVALID_INPUT` for what is no query. */
export function checkSpaceQuery(operation: string, query: unknown): void {
  const result = spaceQuery.safeParse(query);
  if (result.success) return;
  const { field, problem } = firstFault(result.error);
  const isId = field === 'sessionId' || field === 'spaceId';
  const value = isId ? textOrType(Reflect.get(query as object, field)) : undefined;
  const details = { operation, field, problem, value };
  throw new HoldfastError(isId ? 'INVALID_ID' : 'INVALID_INPUT', details);
}
