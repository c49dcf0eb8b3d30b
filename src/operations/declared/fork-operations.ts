// Operations that fork, compare and merge sessions, for the registry.
import { z } from 'zod';
import { mergePolicies } from '../../domain/fork/session-merge-events.ts';
import { type Operation, read, write } from '../operation.ts';
import { cursor, jsonObject, pageLimit, seq, sessionId } from '../schema.ts';
import type { Comparison, Forked, ForkInfo, LineageInfo, Merged } from '../views/fork-views.ts';
import type { Page } from '../views/views.ts';

const name = z.string().min(1).max(200);
const mergeParts = ['messages', 'files', 'context', 'tasks'] as const;

export const forkOperations = {
  'sessions.fork': write<Forked>()(
    'Opens a session that goes on from a version of another one. Nothing of the past is copied but the state.',
    z
      .strictObject({
        sessionId,
        at: seq.optional(),
        checkpointId: z.string().min(1).max(64).optional(),
        newSessionId: sessionId.optional(),
        name: name.optional(),
        agent: name.optional(),
        metadata: jsonObject.optional(),
        llmConfig: jsonObject.optional(),
      })
      .refine((given) => given.at === undefined || given.checkpointId === undefined, {
        message: 'name a version or a checkpoint, and not both',
        path: ['at'],
      }),
  ),
  'sessions.forks': read<Page<ForkInfo>>()(
    'The forks that were made of a session, by their ids, a page at a time.',
    z.strictObject({ sessionId, limit: pageLimit, cursor: cursor.optional() }),
  ),
  'sessions.lineage': read<LineageInfo>()(
    'What a session was forked from, back to the first, and what was merged into it.',
    z.strictObject({ sessionId }),
  ),
  'sessions.compare': read<Comparison>()(
    'What of two sessions differs: messages, files, working context and tasks, a page at a time.',
    z.strictObject({ sessionId, otherSessionId: sessionId, limit: pageLimit, cursor: cursor.optional() }),
  ),
  'sessions.merge': write<Merged>()(
    'Takes over what another session has become since the two were the same. Again, it takes over what is new since.',
    z.strictObject({
      sessionId,
      fromSessionId: sessionId,
      at: seq.optional(),
      parts: z.array(z.enum(mergeParts)).min(1).max(mergeParts.length).readonly().default(mergeParts),
      onConflict: z.enum([...mergePolicies, 'refuse']).default('keep'),
    }),
  ),
} as const satisfies Record<string, Operation>;
