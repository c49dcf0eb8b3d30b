// Operations that tell what a session is about, and which tools fit it, for the registry.
import { z } from 'zod';
import type { RankedTool, ToolUsage } from '../../domain/text/tool-ranking.ts';
import { type Operation, read } from '../operation.ts';
import { cursor, pageLimit, sessionId } from '../schema.ts';
import type { ContextPage, SessionSummary } from '../views/summary-views.ts';

const name = z.string().min(1).max(200);

export const summaryOperations = {
  'sessions.summary': read<SessionSummary>()(
    'What a session is about: summary, key points, counts, participants; made by the default or a registered summariser.',
    z.strictObject({
      sessionId,
      summariser: name.default('extractive'),
      maxAgeMs: z.number().int().min(0).default(300_000),
      fresh: z.boolean().default(false),
    }),
  ),
  'sessions.context': read<ContextPage>()(
    'All that a session holds in the order of its entries, with contents, a page at a time; the first page has a summary.',
    z.strictObject({ sessionId, limit: pageLimit, cursor: cursor.optional() }),
  ),
  'tools.rank': read<readonly RankedTool[]>()(
    'Orders tools by how well they fit the session now: what it is about, and how they have served in it.',
    z.strictObject({
      sessionId,
      tools: z
        .array(
          z.strictObject({
            name,
            description: z.string().max(4_000).default(''),
            tags: z.array(z.string().max(64)).max(20).default([]),
          }),
        )
        .max(500),
      query: z.string().min(1).max(4_000).optional(),
      limit: z.number().int().min(1).max(500).default(10),
    }),
  ),
  'tools.usage': read<readonly ToolUsage[]>()(
    'How often the tools of a session were called, and how often they failed, of its newest 2,000 events.',
    z.strictObject({ sessionId }),
  ),
} as const satisfies Record<string, Operation>;
