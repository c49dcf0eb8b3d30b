// Locks on resources, for the registry. Whoever holds or waits does so as a session; what is asked without one is for resources and
// operators.
import { z } from 'zod';
import { conflictKinds } from '../../domain/lock/conflicts.ts';
import { type Operation, read, write } from '../operation.ts';
import { cursor, pageLimit, reason, sessionId } from '../schema.ts';
import type {
  LockChecked,
  LockGranted,
  LockInfo,
  LockNotice,
  LockRenewed,
  LockStats,
  StrategyChoice,
} from '../views/lock-views.ts';
import type { Acknowledged, Page } from '../views/views.ts';

const name = z.string().min(1).max(512);
const day = 86_400_000;
const ttlMs = z.number().int().min(1).max(day);
const fencingToken = z.number().int().min(1);
const held = { sessionId, name, fencingToken };

export const lockOperations = {
  'locks.acquire': write<LockGranted>()(
    'Takes a lock on a resource, whatever its name means; waits for it as long as `waitMs` says, 0 for not at all.',
    z.strictObject({
      sessionId,
      name,
      owner: z.string().min(1).max(200).optional(),
      ttlMs: ttlMs.default(300_000),
      waitMs: z.number().int().min(0).max(day).default(30_000),
      priority: z.number().int().min(-1_000).max(1_000).default(0),
      interruptible: z.boolean().default(false),
      graceMs: z.number().int().min(0).max(3_600_000).default(10_000),
      strategy: z.enum(['queue_sequential', 'transfer_to_latest', 'abort']).optional(),
    }),
  ),
  'locks.renew': write<LockRenewed>()(
    'Keeps a lock for another while, as long as it was taken for unless said otherwise.',
    z.strictObject({ ...held, ttlMs: ttlMs.optional() }),
  ),
  'locks.release': write<Acknowledged>()('Gives a lock back: the next gets it.', z.strictObject(held)),
  'locks.notice': read<LockNotice>()(
    'Waits until a lock is to be given up to another, or is lost.',
    z.strictObject(held),
  ),
  'locks.held': read<readonly LockInfo[]>()(
    'The locks that a session holds or waits for.',
    z.strictObject({ sessionId }),
  ),
  'locks.check': read<LockChecked>()(
    'Refuses a fencing token under which the lock is not held any more.',
    z.strictObject({ name, fencingToken }),
  ),
  'locks.get': read<LockInfo>()('Who holds a lock and who waits for it.', z.strictObject({ name })),
  'locks.list': read<Page<LockInfo>>()(
    'The locks that are held, in the order in which they were granted, a page at a time.',
    z.strictObject({ limit: pageLimit, cursor: cursor.optional() }),
  ),
  'locks.revoke': write<Acknowledged & { readonly revoked: boolean }>()(
    'Takes a lock from whoever holds it, at once: for operators.',
    z.strictObject({ name, reason: reason.default('requested') }),
  ),
  'locks.stats': read<LockStats>()(
    'How many locks are held and waited for, and what became of all that were.',
    z.strictObject({}),
  ),
  'locks.strategy': read<StrategyChoice>()(
    'What is done about a conflict of a kind, of so many sessions.',
    z.strictObject({ kind: z.enum(conflictKinds), sessions: z.number().int().min(1).default(2) }),
  ),
} as const satisfies Record<string, Operation>;
