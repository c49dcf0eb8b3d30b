// Cached files and analyses as users see them.
import type { Json } from '../../base/json.ts';
import type { AnalysisLevel, SourceAnalysis } from '../../domain/text/source-analysis.ts';

/** What is not there, or no more. */
interface CacheMiss {
  readonly hit: false;
}

export interface FileCached {
  readonly path: string;
  /** SHA-256 of the content, as base64url. */
  readonly hash: string;
  readonly bytes: number;
  /** False when it is larger than all that the cache may hold. */
  readonly kept: boolean;
}

export type CachedFileInfo =
  | CacheMiss
  | {
      readonly hit: true;
      readonly path: string;
      readonly hash: string;
      readonly bytes: number;
      readonly at: number;
      /** True when it is everybody's, and the session has none of its own. */
      readonly isGlobal: boolean;
      readonly metadata: Json;
      /** Not there when it was not asked for. */
      readonly content?: string;
    };

export type CachedAnalysisInfo =
  | CacheMiss
  | {
      readonly hit: true;
      readonly path: string;
      readonly type: string;
      /** Of the content that it is of. */
      readonly hash: string;
      readonly at: number;
      readonly isGlobal: boolean;
      readonly result: Json;
    };

export interface SnapshotFile {
  readonly path: string;
  readonly hash: string;
}

export interface CodebaseSnapshot {
  /** SHA-256 over paths and content hashes in the order of the paths. */
  readonly snapshot: string;
  readonly files: readonly SnapshotFile[];
  /** Against the files that were named. */
  readonly changes?: {
    readonly added: readonly string[];
    readonly changed: readonly string[];
    readonly removed: readonly string[];
  };
}

export interface CodebaseAnalysis {
  readonly snapshot: string;
  readonly level: AnalysisLevel;
  readonly files: readonly (SnapshotFile & {
    readonly fromCache: boolean;
    readonly analysis: SourceAnalysis;
  })[];
  /** Paths of which nothing is cached. */
  readonly missing: readonly string[];
}

export interface AnalysisCacheStatus {
  readonly session: { readonly entries: number; readonly bytes: number };
  readonly global: { readonly entries: number; readonly bytes: number };
  readonly all: { readonly entries: number; readonly bytes: number };
  readonly limitBytes: number;
  /** Since the system was started, of all sessions. */
  readonly hits: number;
  readonly misses: number;
  readonly evictions: number;
  readonly hitRate: number | null;
}
