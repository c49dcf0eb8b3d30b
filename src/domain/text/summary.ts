// What a summary is made of and what it says. The default needs no model: it takes the sentences that say most of what was said.
import type { ContextMessage } from '../session/built-context.ts';
import { termsOf } from './terms.ts';

export interface SummaryCounts {
  readonly messages: number;
  readonly files: number;
  readonly toolCalls: number;
  /** Messages, files and tool calls that ever were. */
  readonly entries: number;
}

/** What a summariser is given: no times, so that the same content is the same input. */
export interface SummaryInput {
  readonly sessionId: string;
  /** The messages at hand, oldest first; older ones are only counted. */
  readonly messages: readonly ContextMessage[];
  readonly counts: SummaryCounts;
  /** Paths of the active files. */
  readonly files: readonly string[];
  /** Keys of the working context. */
  readonly keys: readonly string[];
  readonly tools: readonly { readonly tool: string; readonly calls: number }[];
  /** Agents by their names, people as `user:` and theirs. */
  readonly participants: readonly string[];
}

export interface SummaryText {
  readonly summary: string;
  readonly keyPoints: readonly string[];
}

/** The user's own: answers with a text, or with key points too; what it lacks the default says. */
export type Summariser = (
  input: SummaryInput,
  options: { readonly signal: AbortSignal },
) => Promise<SummariserAnswer> | SummariserAnswer;

export type SummariserAnswer = string | { readonly summary: string; readonly keyPoints?: readonly string[] };

const sentencesTaken = 5;
const mostSentences = 2_000;
const longestSentence = 400;
const preview = 100;

/**
 * SumBasic (Nenkova and Vanderwende, "The Impact of Frequency on Summarization", MSR-TR-2005-101): each word has the probability
 * of its share of all words, a sentence the mean of its words'; the best sentence is taken, the probabilities of its words are
 * squared, so that what was said weighs less, and so on. The sentences taken stand in the order in which they were said.
 */
export function extractiveSummary(input: SummaryInput): SummaryText {
  return { summary: mainSentences(input.messages).join(' '), keyPoints: keyPointsOf(input) };
}

interface Sentence {
  readonly text: string;
  readonly terms: readonly string[];
  readonly place: number;
}

function mainSentences(messages: readonly ContextMessage[]): readonly string[] {
  const left = sentencesOf(messages);
  const likely = probabilities(left);
  const taken: Sentence[] = [];
  while (taken.length < sentencesTaken && left.length > 0) {
    const weights = left.map(({ terms }) => meanOf(terms, likely));
    const best = weights.indexOf(Math.max(...weights));
    const [sentence] = left.splice(best, 1);
    if (sentence === undefined) break;
    taken.push(sentence);
    for (const term of new Set(sentence.terms)) likely.set(term, (likely.get(term) ?? 0) ** 2);
  }
  return taken.sort((a, b) => a.place - b.place).map(({ text }) => text);
}

/** Of what people and models said, each once; the newest where there are too many. */
function sentencesOf(messages: readonly ContextMessage[]): Sentence[] {
  const said = new Map<string, Sentence>();
  let place = 0;
  for (const message of messages) {
    if (message.role !== 'user' && message.role !== 'assistant') continue;
    for (const piece of textOfMessage(message).split(/(?<=[.!?])\s|\n/u)) {
      const text = shortened(piece.trim(), longestSentence);
      const terms = termsOf(text);
      place += 1;
      if (terms.length > 0 && !said.has(text)) said.set(text, { text, terms, place });
    }
  }
  return [...said.values()].slice(-mostSentences);
}

function probabilities(sentences: readonly Sentence[]): Map<string, number> {
  const counts = new Map<string, number>();
  let total = 0;
  for (const { terms } of sentences)
    for (const term of terms) {
      counts.set(term, (counts.get(term) ?? 0) + 1);
      total += 1;
    }
  return new Map([...counts].map(([term, count]) => [term, count / total]));
}

const meanOf = (terms: readonly string[], likely: ReadonlyMap<string, number>): number =>
  terms.reduce((sum, term) => sum + (likely.get(term) ?? 0), 0) / terms.length;

/** A text, or the texts of its parts. */
export function textOfMessage({ content }: Pick<ContextMessage, 'content'>): string {
  if (typeof content === 'string') return content;
  if (!Array.isArray(content)) return '';
  return content
    .map((part: unknown) => {
      if (typeof part === 'string') return part;
      const text = typeof part === 'object' && part !== null ? (part as { text?: unknown }).text : undefined;
      return typeof text === 'string' ? text : '';
    })
    .filter((text) => text !== '')
    .join('\n');
}

/** No half of a character stays. */
function shortened(text: string, length: number): string {
  return text.length <= length ? text : `${text.slice(0, length - 1).replace(/[\ud800-\udbff]$/, '')}…`;
}

/** Who, how much, how it began, where it stands, which files and tools. */
function keyPointsOf({
  messages,
  counts,
  files,
  keys,
  tools,
  participants,
}: SummaryInput): readonly string[] {
  const shown = messages.filter((message) => textOfMessage(message) !== '');
  const previewOf = (message: ContextMessage | undefined): string | undefined =>
    message && `${message.role}: ${shortened(textOfMessage(message).replace(/\s+/g, ' '), preview)}`;
  const spoken = shown.filter(({ role }) => role !== 'system');
  const points: readonly (readonly [string, string | undefined])[] = [
    ['counts', `${counts.messages} messages, ${counts.files} files, ${counts.toolCalls} tool calls`],
    ['participants', listed(participants)],
    ['instructions', previewOf(shown.findLast(({ role }) => role === 'system'))],
    ['first', previewOf(spoken[0])],
    ['last', spoken.length > 1 ? previewOf(spoken.at(-1)) : undefined],
    ['file types', listed(fileTypes(files))],
    ['working context', listed(keys)],
    ['tools', listed(tools.map(({ tool, calls }) => `${tool} ${calls}`))],
  ];
  return points.flatMap(([name, said]) => (said === undefined ? [] : [`${name}: ${said}`]));
}

const mostListed = 10;

function listed(items: readonly string[]): string | undefined {
  if (items.length === 0) return undefined;
  const shown = items.slice(0, mostListed).map((item) => shortened(item, preview));
  const more = items.length - shown.length;
  return more > 0 ? `${shown.join(', ')} and ${more} more` : shown.join(', ');
}

/** How many of each ending, the most frequent first. */
function fileTypes(files: readonly string[]): readonly string[] {
  const counts = new Map<string, number>();
  for (const path of files) {
    const name = path.slice(path.lastIndexOf('/') + 1);
    const dot = name.lastIndexOf('.');
    const type = dot > 0 ? name.slice(dot + 1).toLowerCase() : 'none';
    counts.set(type, (counts.get(type) ?? 0) + 1);
  }
  return [...counts].sort(([a, x], [b, y]) => y - x || (a < b ? -1 : 1)).map(([type, n]) => `${type} ${n}`);
}
