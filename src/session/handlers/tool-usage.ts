// How the tools of a session have served: counted from its newest events, and kept as long as the session does not move on.
import { HoldfastError } from '../../base/errors.ts';
import type { PublishedEventData } from '../../domain/event-catalogue.ts';
import type { MessageData } from '../../domain/session/session-events.ts';
import type { ToolUsage } from '../../domain/text/tool-ranking.ts';
import type { Journal, StoredEvent } from '../../journal/journal.ts';
import type { SessionView } from '../session-view.ts';
import { beginning, readForwards } from './reading.ts';

/** So many of the newest events are looked at. */
const mostEvents = 2_000;
const mostCached = 500;

interface Tally {
  readonly tool: string;
  calls: number;
  returned: number;
  failures: number;
  lastUsedAt: number;
}

export class ToolUsages {
  readonly #journal: Journal;
  /** Least recently asked for first. */
  readonly #known = new Map<string, { readonly seq: number; readonly usage: readonly ToolUsage[] }>();

  constructor(journal: Journal) {
    this.#journal = journal;
  }

  /** The most used first. What was rolled back or erased does not count. */
  async of(sessionId: string, { state, seq }: SessionView): Promise<readonly ToolUsage[]> {
    const known = this.#known.get(sessionId);
    const usage = known?.seq === seq ? known.usage : await this.#read(sessionId, { state, seq });
    this.#known.delete(sessionId);
    this.#known.set(sessionId, { seq, usage });
    const [oldest] = this.#known.keys();
    if (this.#known.size > mostCached && oldest !== undefined) this.#known.delete(oldest);
    return usage;
  }

  forget(sessionId: string): void {
    this.#known.delete(sessionId);
  }

  async #read(sessionId: string, { state, seq }: SessionView): Promise<readonly ToolUsage[]> {
    const tallies = new Map<string, Tally>();
    const { conversation, branching } = state;
    const span = { through: seq, conversation, asReplayed: true, lineage: branching.lineage };
    let after = Math.max(await beginning(this.#journal, state), seq - mostEvents);
    for (let isRead = false; !isRead; )
      try {
        await readForwards(
          this.#journal,
          sessionId,
          { ...span, after },
          Number.POSITIVE_INFINITY,
          (event) => {
            count(tallies, event);
            return undefined;
          },
        );
        isRead = true;
      } catch (error) {
        // What is gone with an ancestor does not count any more.
        if (!HoldfastError.is(error, 'HISTORY_ERASED')) throw error;
        after = Number(error.details.through);
      }
    return [...tallies.values()].sort((a, b) => b.calls - a.calls || (a.tool < b.tool ? -1 : 1));
  }
}

function count(tallies: Map<string, Tally>, { type, data, at }: StoredEvent): void {
  if (data === undefined) return;
  if (type === 'tool.called') called(tallies, (data as PublishedEventData['tool.called']).tool, at);
  else if (type === 'message.sent')
    for (const name of calledBy(data as MessageData)) called(tallies, name, at);
  else if (type === 'tool.returned') {
    const { tool, status, error } = data as PublishedEventData['tool.returned'];
    const tally = tallyOf(tallies, tool);
    tally.returned += 1;
    if (error !== undefined || failed.test(status)) tally.failures += 1;
  }
}

const failed = /^(?:error|errored|fail|failed|failure|timeout|cancelled|canceled)$/i;

function called(tallies: Map<string, Tally>, tool: string, at: number): void {
  const tally = tallyOf(tallies, tool);
  tally.calls += 1;
  tally.lastUsedAt = at;
}

function tallyOf(tallies: Map<string, Tally>, tool: string): Tally {
  const tally = tallies.get(tool) ?? { tool, calls: 0, returned: 0, failures: 0, lastUsedAt: 0 };
  tallies.set(tool, tally);
  return tally;
}

/** As the common model interfaces write them: `{ function: { name } }`, or `{ name }`. */
function calledBy({ toolCalls = [] }: MessageData): readonly string[] {
  return toolCalls.flatMap((call) => {
    const named = call as { readonly name?: unknown; readonly function?: { readonly name?: unknown } } | null;
    const name = named?.function?.name ?? named?.name;
    return typeof name === 'string' ? [name] : [];
  });
}
