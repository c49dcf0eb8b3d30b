// Which of several tools fit a session now: a pure function of what the tools say of themselves, what the session is about, and
// how they have served in it.
import { shareFound, termsOf } from './terms.ts';

export interface ToolOffer {
  readonly name: string;
  readonly description: string;
  readonly tags: readonly string[];
}

/** How a tool has served in a session. */
export interface ToolUsage {
  readonly tool: string;
  readonly calls: number;
  /** Calls of which it is known how they ended. */
  readonly returned: number;
  readonly failures: number;
  readonly lastUsedAt: number;
}

export interface ToolSituation {
  /** What is to be done now, if the caller says. */
  readonly query: string | undefined;
  /** What the session is about: its newest messages, keys and files. */
  readonly texts: readonly string[];
  readonly usage: readonly ToolUsage[];
  readonly now: number;
}

export interface RankedTool {
  readonly name: string;
  /** 0.5 relevance, 0.2 reliability, 0.2 frequency and 0.1 recency, each from 0 to 1. */
  readonly score: number;
  readonly parts: {
    readonly relevance: number;
    readonly reliability: number;
    readonly frequency: number;
    readonly recency: number;
  };
}

const halfLifeMs = 3_600_000;
const rounded = (value: number): number => Math.round(value * 1e6) / 1e6;

/** The best first; equals by name. */
export function rankTools(tools: readonly ToolOffer[], situation: ToolSituation): readonly RankedTool[] {
  const { query, texts, usage, now } = situation;
  const asked = query === undefined ? undefined : new Set(termsOf(query));
  const about = new Set(texts.flatMap(termsOf));
  const used = new Map(usage.map((one) => [one.tool, one]));
  const mostCalls = Math.max(1, ...usage.map(({ calls }) => calls));
  const ranked = tools.map((tool): RankedTool => {
    const found = used.get(tool.name);
    const parts = {
      relevance: rounded(relevanceOf(tool, asked, about)),
      reliability: rounded(reliabilityOf(found)),
      frequency: rounded((found?.calls ?? 0) / mostCalls),
      recency: found === undefined ? 0 : rounded(2 ** (-Math.max(0, now - found.lastUsedAt) / halfLifeMs)),
    };
    const { relevance, reliability, frequency, recency } = parts;
    const score = rounded(0.5 * relevance + 0.2 * reliability + 0.2 * frequency + 0.1 * recency);
    return { name: tool.name, score, parts };
  });
  return ranked.sort((a, b) => b.score - a.score || (a.name < b.name ? -1 : a.name > b.name ? 1 : 0));
}

/** With a query 0.7 of its words that the tool names; the rest, or all, the tool's words that the session knows. */
function relevanceOf(
  { name, description, tags }: ToolOffer,
  asked: ReadonlySet<string> | undefined,
  about: ReadonlySet<string>,
): number {
  const own = new Set(termsOf([name, description, ...tags].join(' ')));
  const known = shareFound(own, about);
  return asked === undefined ? known : 0.7 * shareFound(asked, own) + 0.3 * known;
}

/** Laplace's rule of succession: nothing known is one half. */
function reliabilityOf(usage: ToolUsage | undefined): number {
  if (usage === undefined) return 0.5;
  return (usage.returned - usage.failures + 1) / (usage.returned + 2);
}
