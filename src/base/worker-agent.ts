// An agent that is run in a thread of its own: its module by URL, so that the thread can load it.
import { isAbsolute } from 'node:path';
import { pathToFileURL } from 'node:url';
import { z } from 'zod';

/** Megabytes; what a thread takes beyond them ends it, with `AGENT_OUT_OF_MEMORY` for the heap. */
export interface WorkerLimits {
  readonly maxOldGenerationSizeMb?: number;
  readonly maxYoungGenerationSizeMb?: number;
  readonly codeRangeSizeMb?: number;
  readonly stackSizeMb?: number;
}

/** An agent in a thread of its own (`node:worker_threads`), one for each running incarnation. */
export interface WorkerAgent {
  readonly isolation: 'worker';
  /** `new URL('./agent.js', import.meta.url)`, an absolute path, or a `file:` or `data:` URL: JavaScript that Node can load. */
  readonly module: URL | string;
  /** Under which name the module exports the function, or the XState actor logic; `default` by default. */
  readonly export?: string;
  /** Those of Node without it. */
  readonly resourceLimits?: WorkerLimits;
  /** How long it may take to end once it was told to, in milliseconds; by default `agentShutdownMs` of its session. */
  readonly graceMs?: number;
}

/** The URL of a module; undefined for a text that says nothing without knowing where it was written. */
export function moduleUrl(module: URL | string): URL | undefined {
  if (module instanceof URL) return module;
  if (isAbsolute(module)) return pathToFileURL(module);
  return /^(file|data):/.test(module) && URL.canParse(module) ? new URL(module) : undefined;
}

const size = z.number().positive().optional();

const schema = z.strictObject({
  isolation: z.literal('worker'),
  module: z.custom(isModule, 'give a URL, an absolute path, or a text that begins with file: or data:'),
  export: z.string().min(1).optional(),
  resourceLimits: z
    .strictObject({
      maxOldGenerationSizeMb: size,
      maxYoungGenerationSizeMb: size,
      codeRangeSizeMb: size,
      stackSizeMb: size,
    })
    .optional(),
  graceMs: z.number().int().min(0).optional(),
});

/** What is wrong with it, each fault with its place. */
export function faultsOfWorkerAgent(definition: unknown): readonly string[] {
  const { error } = schema.safeParse(definition);
  return (error?.issues ?? []).map(({ path, message }) => [...path, message].join(': '));
}

function isModule(module: unknown): boolean {
  return (typeof module === 'string' || module instanceof URL) && moduleUrl(module) !== undefined;
}
