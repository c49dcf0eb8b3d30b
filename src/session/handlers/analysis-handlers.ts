// The handlers of operations on cached files and analyses. A session must be there; whether it takes writes makes no difference.
import type { Clock } from '../../base/clock.ts';
import { HoldfastError } from '../../base/errors.ts';
import { sha256 } from '../../base/hash.ts';
import { canonicalJson, type Json } from '../../base/json.ts';
import { analyseSource, type SourceAnalysis } from '../../domain/text/source-analysis.ts';
import type { Handlers } from '../../operations/bind.ts';
import type { OperationName, ParsedInputOf } from '../../operations/registry.ts';
import type {
  CodebaseAnalysis,
  CodebaseSnapshot,
  SnapshotFile,
} from '../../operations/views/analysis-views.ts';
import { type AnalysisCache, type CachedFile, type CacheScope, everybody } from './analysis-cache.ts';

export type AnalysisOperation = Extract<OperationName, `analysis.${string}`>;

export interface AnalysisContext {
  readonly cache: AnalysisCache;
  readonly clock: Clock;
  /** Throws `SESSION_NOT_FOUND`. */
  readonly session: (sessionId: string) => Promise<unknown>;
}

/** What one call analyses without letting others have a turn. */
const turnBytes = 256 * 1024;
const mostRunBytes = 8 * 1024 * 1024;

export function analysisHandlers({ cache, clock, session }: AnalysisContext): Handlers<AnalysisOperation> {
  const scopeOf = async (sessionId: string, scope: 'session' | 'global' = 'session'): Promise<CacheScope> => {
    await session(sessionId);
    return scope === 'global' ? everybody : sessionId;
  };
  return {
    'analysis.cacheFile': async ({ sessionId, scope, path, content, metadata }) => {
      const whose = await scopeOf(sessionId, scope);
      const { hash, bytes, kept } = cache.putFile(whose, path, content, metadata, clock.now());
      return { path, hash, bytes, kept };
    },
    'analysis.getFile': async ({ sessionId, path, hash, withContent }) => {
      const found = cache.findFile(await scopeOf(sessionId), path, hash);
      if (found === undefined) return { hit: false };
      const { content, ...rest } = found;
      return { hit: true, ...rest, ...(withContent && { content }) };
    },
    'analysis.store': async ({ sessionId, scope, path, type, hash, result }) => {
      const whose = await scopeOf(sessionId, scope);
      return { kept: cache.putAnalysis(whose, { path, type, hash, result, at: clock.now() }) };
    },
    'analysis.get': async ({ sessionId, path, type, hash }) => {
      const found = cache.findAnalysis(await scopeOf(sessionId), path, type, hash);
      return found === undefined ? { hit: false } : { hit: true, ...found };
    },
    'analysis.run': async (input) => {
      await session(input.sessionId);
      return runAnalysis(cache, clock, input);
    },
    'analysis.snapshot': async ({ sessionId, since }) =>
      snapshotOf(cache.files(await scopeOf(sessionId)), since),
    'analysis.invalidate': async ({ sessionId, scope, path }) => ({
      removed: cache.invalidate(await scopeOf(sessionId, scope), path),
    }),
    'analysis.clear': async ({ sessionId, scope }) => {
      await session(sessionId);
      if (scope === 'all') return { removed: cache.clearAll() };
      return { removed: cache.clear(scope === 'global' ? everybody : sessionId) };
    },
    'analysis.stats': async ({ sessionId }) => {
      const scope = await scopeOf(sessionId);
      const { hits, misses, evictions } = cache.counts;
      const hitRate = hits + misses === 0 ? null : hits / (hits + misses);
      const sizes = { session: cache.sizeOf(scope), global: cache.sizeOf(everybody), all: cache.size };
      return { ...sizes, limitBytes: cache.limitBytes, hits, misses, evictions, hitRate };
    },
  };
}

/** The same files give the same hash, whoever has cached them, and in whatever order. */
function snapshotOf(
  files: readonly SnapshotFile[],
  since?: readonly SnapshotFile[] | undefined,
): CodebaseSnapshot {
  const listed = files.map(({ path, hash }) => ({ path, hash }));
  const snapshot = sha256(canonicalJson(listed.map(({ path, hash }) => [path, hash])));
  if (since === undefined) return { snapshot, files: listed };
  const before = new Map(since.map(({ path, hash }) => [path, hash]));
  const now = new Set(listed.map(({ path }) => path));
  return {
    ...{ snapshot, files: listed },
    changes: {
      added: listed.filter(({ path }) => !before.has(path)).map(({ path }) => path),
      changed: listed
        .filter(({ path, hash }) => before.has(path) && before.get(path) !== hash)
        .map(({ path }) => path),
      removed: [...before.keys()].filter((path) => !now.has(path)).sort(),
    },
  };
}

async function runAnalysis(
  cache: AnalysisCache,
  clock: Clock,
  { sessionId, paths, level }: ParsedInputOf<'analysis.run'>,
): Promise<CodebaseAnalysis> {
  const seen = cache.files(sessionId);
  const wanted = paths === undefined ? undefined : new Set(paths);
  const chosen = wanted === undefined ? seen : seen.filter(({ path }) => wanted.has(path));
  assertFits(chosen);
  const there = new Set(chosen.map(({ path }) => path));
  const files: CodebaseAnalysis['files'][number][] = [];
  let worked = 0;
  for (const file of chosen) {
    const { path, hash, content } = file;
    const type = `:source.${level}`;
    const known = cache.findAnalysis(sessionId, path, type, hash);
    const analysis = (known?.result as SourceAnalysis | undefined) ?? analyseSource(path, content, level);
    files.push({ path, hash, fromCache: known !== undefined, analysis });
    if (known !== undefined) continue;
    const result = analysis as unknown as Json;
    cache.putAnalysis(sessionId, { path, type, hash, result, at: clock.now() });
    worked += content.length;
    if (worked > turnBytes) {
      worked = 0;
      await new Promise<void>((resolve) => setImmediate(resolve));
    }
  }
  const missing = [...(wanted ?? [])].filter((path) => !there.has(path)).sort();
  return { snapshot: snapshotOf(chosen).snapshot, level, files, missing };
}

function assertFits(files: readonly CachedFile[]): void {
  const size = files.reduce((sum, { bytes }) => sum + bytes, 0);
  if (size > mostRunBytes)
    throw new HoldfastError('TOO_LARGE', { what: 'files to analyse', size, limit: mostRunBytes });
}
