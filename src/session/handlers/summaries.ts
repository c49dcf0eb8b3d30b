// Summaries of sessions, kept in memory under a hash of what they were made of: one that is answered is never of another content,
// and at most as old as was asked for. A summariser that fails is replaced by the default, which says so.
import type { Clock } from '../../base/clock.ts';
import { HoldfastError, toError } from '../../base/errors.ts';
import { sha256 } from '../../base/hash.ts';
import { canonicalJson, type Json } from '../../base/json.ts';
import type { Telemetry } from '../../base/telemetry.ts';
import {
  extractiveSummary,
  type Summariser,
  type SummariserAnswer,
  type SummaryInput,
  type SummaryText,
} from '../../domain/text/summary.ts';
import type { Invoke } from '../../operations/bind.ts';

/** A function, or an agent that is run in the session that it is to summarise; by default each has 30 seconds. */
export type SummariserDefinition =
  | Summariser
  | { readonly summarise: Summariser; readonly timeoutMs?: number }
  | { readonly agent: string; readonly timeoutMs?: number };

export interface SummariesOptions {
  readonly clock: Clock;
  readonly telemetry: Telemetry;
  readonly invoke: Invoke;
  readonly summarisers: Readonly<Record<string, SummariserDefinition>>;
}

export interface MadeSummary extends SummaryText {
  /** Which summariser has made it. */
  readonly by: string;
  readonly madeAt: number;
  /** Set when another was asked for, and failed. */
  readonly degraded: {
    readonly summariser: string;
    readonly code: string | null;
    readonly problem: string;
  } | null;
}

export interface SummaryRequest {
  readonly summariser: string;
  readonly maxAgeMs: number;
  readonly fresh: boolean;
}

export const extractive = 'extractive';
const defaultTimeoutMs = 30_000;
const mostCached = 1_000;
const longestSummary = 16_384;
const mostPoints = 50;
const longestPoint = 500;

interface Kept {
  readonly hash: string;
  readonly made: MadeSummary;
}

export class Summaries {
  readonly #options: SummariesOptions;
  /** Least recently asked for first. */
  readonly #kept = new Map<string, Kept>();
  readonly #making = new Map<string, Promise<MadeSummary>>();

  constructor(options: SummariesOptions) {
    this.#options = options;
  }

  /** The agents that summarise: what they do is no part of what is summarised. */
  get agents(): ReadonlySet<string> {
    const definitions = Object.values(this.#options.summarisers);
    return new Set(definitions.flatMap((one) => ('agent' in one ? [one.agent] : [])));
  }

  /** Throws `SUMMARISER_NOT_REGISTERED`. Who asks for the same at once waits for the same. */
  async of(
    input: SummaryInput,
    { summariser, maxAgeMs, fresh }: SummaryRequest,
  ): Promise<MadeSummary & { readonly cached: boolean }> {
    const definition = this.#find(summariser);
    const key = `${input.sessionId}/${summariser}`;
    const hash = sha256(canonicalJson(input));
    const kept = this.#kept.get(key);
    const isGood = kept?.hash === hash && this.#options.clock.now() - kept.made.madeAt <= maxAgeMs;
    if (isGood && !fresh) {
      this.#keep(key, kept);
      return { ...kept.made, cached: true };
    }
    const place = `${key}/${hash}`;
    const making = this.#making.get(place) ?? this.#make(input, summariser, definition);
    this.#making.set(place, making);
    try {
      const made = await making;
      if (made.degraded === null) this.#keep(key, { hash, made });
      return { ...made, cached: false };
    } finally {
      if (this.#making.get(place) === making) this.#making.delete(place);
    }
  }

  forget(sessionId: string): void {
    for (const name of [extractive, ...Object.keys(this.#options.summarisers)])
      this.#kept.delete(`${sessionId}/${name}`);
  }

  #find(summariser: string): SummariserDefinition | undefined {
    const { summarisers } = this.#options;
    if (summariser === extractive) return undefined;
    if (Object.hasOwn(summarisers, summariser)) return summarisers[summariser];
    throw new HoldfastError('SUMMARISER_NOT_REGISTERED', { summariser });
  }

  #keep(key: string, kept: Kept): void {
    this.#kept.delete(key);
    this.#kept.set(key, kept);
    const [oldest] = this.#kept.keys();
    if (this.#kept.size > mostCached && oldest !== undefined) this.#kept.delete(oldest);
  }

  async #make(
    input: SummaryInput,
    summariser: string,
    definition: SummariserDefinition | undefined,
  ): Promise<MadeSummary> {
    const { clock, telemetry } = this.#options;
    const own = extractiveSummary(input);
    const simple = { ...own, by: extractive, madeAt: clock.now(), degraded: null };
    if (definition === undefined) return simple;
    try {
      const said = checked(await this.#ask(input, summariser, definition));
      return { ...own, ...said, by: summariser, madeAt: clock.now(), degraded: null };
    } catch (thrown) {
      const error = toError(thrown);
      const code = HoldfastError.is(error) ? error.code : null;
      const degraded = { summariser, code, problem: error.message };
      telemetry('summary.degraded', { sessionId: input.sessionId, ...degraded });
      return { ...simple, degraded };
    }
  }

  /** What it answers after its time is heard by nobody. */
  #ask(input: SummaryInput, summariser: string, definition: SummariserDefinition): Promise<SummariserAnswer> {
    const given = typeof definition === 'function' ? { summarise: definition } : definition;
    const { timeoutMs = defaultTimeoutMs } = given;
    const over = new AbortController();
    return new Promise((resolve, reject) => {
      const cancel = this.#options.clock.schedule(timeoutMs, () => {
        reject(
          new HoldfastError('OPERATION_TIMEOUT', { operation: `the summariser ${summariser}`, timeoutMs }),
        );
        over.abort();
      });
      const asked =
        'agent' in given
          ? this.#runAgent(input, given.agent, over.signal)
          : Promise.resolve().then(() => given.summarise(input, { signal: over.signal }));
      asked.then(resolve, reject).finally(cancel);
    });
  }

  async #runAgent(input: SummaryInput, agent: string, signal: AbortSignal): Promise<SummariserAnswer> {
    const { invoke } = this.#options;
    const { sessionId } = input;
    const start = { sessionId, agent, role: 'summariser', restart: 'temporary', input };
    const { runId } = (await invoke('agents.start', start, {})) as { readonly runId: string };
    signal.addEventListener('abort', () => {
      const reason = 'it took too long to summarise';
      invoke('agents.stop', { sessionId, runId, reason }, {}).catch(() => undefined);
    });
    const ended = await invoke('agents.wait', { sessionId, runId }, { signal });
    const { status, result } = ended as { readonly status: string; readonly result?: Json };
    if (status !== 'completed') throw new Error(`the agent ${agent} has ${status}`);
    return result as unknown as SummariserAnswer;
  }
}

/** What is no summary is an error of the summariser; what is too long is cut. */
function checked(answer: unknown): Partial<SummaryText> & Pick<SummaryText, 'summary'> {
  const given = typeof answer === 'string' ? { summary: answer } : answer;
  const { summary, keyPoints } = (given ?? {}) as {
    readonly summary?: unknown;
    readonly keyPoints?: unknown;
  };
  if (typeof summary !== 'string') throw new TypeError('it answered with no text');
  const cut = summary.slice(0, longestSummary);
  if (keyPoints === undefined) return { summary: cut };
  const isList = Array.isArray(keyPoints) && keyPoints.every((point) => typeof point === 'string');
  if (!isList) throw new TypeError('its key points are no list of texts');
  return {
    summary: cut,
    keyPoints: keyPoints.slice(0, mostPoints).map((point: string) => point.slice(0, longestPoint)),
  };
}
