// Operations on cached files and what is known of them, for the registry. None of it is journaled.
import { z } from 'zod';
import { analysisLevels } from '../../domain/text/source-analysis.ts';
import { type Operation, read, write } from '../operation.ts';
import { json, sessionId } from '../schema.ts';
import type {
  AnalysisCacheStatus,
  CachedAnalysisInfo,
  CachedFileInfo,
  CodebaseAnalysis,
  CodebaseSnapshot,
  FileCached,
} from '../views/analysis-views.ts';

const path = z.string().min(1).max(4096);
const hash = z.string().length(43);
/** What begins with a colon is the library's own. */
const type = z.string().regex(/^[^:].{0,63}$/s);
const scope = z.enum(['session', 'global']).default('session');
const paths = z.array(path).min(1).max(200);

export const analysisOperations = {
  'analysis.cacheFile': write<FileCached>()(
    'Keeps the content of a file in memory, for the session or for all; analyses of other contents of it go.',
    z.strictObject({ sessionId, scope, path, content: z.string(), metadata: json.default(null) }),
  ),
  'analysis.getFile': read<CachedFileInfo>()(
    'A cached file of the session, or else of all; only of the content with a hash where one is given.',
    z.strictObject({ sessionId, path, hash: hash.optional(), withContent: z.boolean().default(true) }),
  ),
  'analysis.store': write<{ readonly kept: boolean }>()(
    'Keeps what somebody has found out about one content of a file.',
    z.strictObject({ sessionId, scope, path, type, hash, result: json }),
  ),
  'analysis.get': read<CachedAnalysisInfo>()(
    'What was found out about a file: of the content with the hash, or of the one that is cached.',
    z.strictObject({ sessionId, path, type, hash: hash.optional() }),
  ),
  'analysis.run': write<CodebaseAnalysis>()(
    'Analyses cached files by their text: lines and brackets, imports, declarations, or all of it.',
    z.strictObject({ sessionId, paths: paths.optional(), level: z.enum(analysisLevels).default('full') }),
  ),
  'analysis.snapshot': read<CodebaseSnapshot>()(
    'One hash over the cached files that the session sees, and what has changed since an earlier snapshot.',
    z.strictObject({
      sessionId,
      since: z.array(z.strictObject({ path, hash })).max(10_000).readonly().optional(),
    }),
  ),
  'analysis.invalidate': write<{ readonly removed: number }>()(
    'Drops a file and all analyses of it.',
    z.strictObject({ sessionId, scope, path }),
  ),
  'analysis.clear': write<{ readonly removed: number }>()(
    'Drops all that is cached of the session, of nobody in particular, or of all.',
    z.strictObject({ sessionId, scope: z.enum(['session', 'global', 'all']).default('session') }),
  ),
  'analysis.stats': read<AnalysisCacheStatus>()(
    'How much is cached, and how well it serves.',
    z.strictObject({ sessionId }),
  ),
} as const satisfies Record<string, Operation>;
