// Operations on what a session is to remember for long, for the registry.
import { z } from 'zod';
import { idPattern, idRule } from '../../base/ids.ts';
import { shareScopes } from '../../domain/memory/memory-events.ts';
import { type Operation, read, write } from '../operation.ts';
import { cursor, json, pageLimit, reason, seq, sessionId } from '../schema.ts';
import type {
  MemoriesErased,
  MemoriesFound,
  MemoriesJudged,
  MemoryChanged,
  MemoryInfo,
  MemoryProposed,
  MemoryStatistics,
} from '../views/memory-views.ts';
import type { Page } from '../views/views.ts';

const memoryId = z.string().min(1).max(64);
const kind = z.string().min(1).max(64);
const tag = z.string().min(1).max(64);
const fraction = z.number().min(0).max(1);
const owner = z.string().regex(idPattern, idRule);
const one = z.strictObject({ sessionId, memoryId });
const because = z.strictObject({ sessionId, memoryId, reason: reason.default('requested') });

export const memoryOperations = {
  'memories.propose': write<MemoryProposed>()(
    'Puts something into the queue of what may be worth remembering; it is judged later, by command or when it is due.',
    z.strictObject({
      sessionId,
      content: json,
      kind: kind.optional(),
      importance: fraction.default(0.5),
      tags: z.array(tag).max(20).default([]),
      sources: z.array(seq).max(100).default([]),
    }),
  ),
  'memories.pending': read<readonly MemoryInfo[]>()(
    'What waits to be judged, oldest first, with the confidence that it has now.',
    z.strictObject({ sessionId }),
  ),
  'memories.evaluate': write<MemoriesJudged>()(
    'Judges what waits, oldest first, up to a batch: what is important and sure enough is promoted.',
    z.strictObject({ sessionId }),
  ),
  'memories.promote': write<MemoryChanged>()('Promotes one that waits, whatever its numbers are.', one),
  'memories.reject': write<MemoryChanged>()('Takes one that waits out of the queue.', because),
  'memories.get': read<MemoryInfo>()('One memory that waits or is kept.', one),
  'memories.list': read<Page<MemoryInfo>>()(
    'What the session remembers, newest first, a page at a time; by kind or tag.',
    z.strictObject({
      sessionId,
      kind: kind.optional(),
      tag: tag.optional(),
      limit: pageLimit,
      cursor: cursor.optional(),
    }),
  ),
  'memories.search': read<MemoriesFound>()(
    'Finds memories of the session, or those that sessions have shared with a user or the app, the best first.',
    z.strictObject({
      sessionId,
      scope: z.enum(['session', ...shareScopes]).default('session'),
      owner: owner.optional(),
      text: z.string().min(1).max(1000).optional(),
      kind: kind.optional(),
      tag: tag.optional(),
      minConfidence: fraction.optional(),
      limit: z.number().int().min(1).max(1000).default(20),
      cursor: cursor.optional(),
    }),
  ),
  'memories.share': write<MemoryChanged>()(
    'Shows a kept memory to all who search for what is shared with a user, or with the app.',
    z.strictObject({ sessionId, memoryId, scope: z.enum(shareScopes), owner: owner.optional() }),
  ),
  'memories.unshare': write<MemoryChanged>()('Shows it to its own session alone.', one),
  'memories.forget': write<MemoryChanged>()(
    'Remembers it no more; what it said stays in the journal until it is erased.',
    because,
  ),
  'memories.erase': write<MemoriesErased>()(
    'Erases what a memory said, for good, also one that is not kept any more. Erasing it again succeeds.',
    because,
  ),
  'memories.stats': read<MemoryStatistics>()(
    'How many wait and are kept, and what became of all the others.',
    z.strictObject({ sessionId }),
  ),
} as const satisfies Record<string, Operation>;
