// The smallest law that can do everything an entity must cope with: a list of lines, a reminder, and faults on request.
// What it refuses names the newest line, so that a refusal shows on what it was decided.
import { type Command, type Law, type LawEvent, refuse } from '../../src/domain/law.ts';
import { Entity } from '../../src/entity/entity.ts';
import type { EntityOptions } from '../../src/entity/entity-options.ts';
import type { Journal, StoredEvent } from '../../src/journal/journal.ts';
import type { MemoryJournal } from './memory-journal.ts';

export interface Ledger {
  readonly lines: readonly string[];
  readonly remindAt: number | null;
}

export type FaultPlace = 'decide' | 'evolve' | 'encode' | 'summarize';

export type LedgerCommand =
  | { readonly type: 'ledger.add'; readonly line: string; readonly times?: number }
  | { readonly type: 'ledger.look' }
  | { readonly type: 'ledger.refuse' }
  | { readonly type: 'ledger.remind'; readonly at: number }
  | { readonly type: 'ledger.ring' }
  | { readonly type: 'ledger.break'; readonly place: FaultPlace };

/** A line that breaks the law wherever it says: in a running entity and in each replay, until the law is mended. */
const broken = (place: FaultPlace): string => `broken in ${place}`;

const breakAt = (place: FaultPlace, { lines }: Ledger): void => {
  if (lines.at(-1) === broken(place)) throw new TypeError(broken(place));
};

export const ledgerLaw: Law<Ledger, LedgerCommand> = {
  kind: 'ledger',
  version: 1,
  eventVersions: {},
  initial: () => ({ lines: [], remindAt: null }),
  tombstone: () => ({ lines: [], remindAt: null }),
  decide(state, command, at) {
    const newest = state.lines.at(-1) ?? null;
    switch (command.type) {
      case 'ledger.add': {
        const { line, times = 1 } = command;
        const events = Array.from({ length: times }, () => ({ type: 'line.added', data: { line } }));
        return { events, reply: { lines: state.lines.length + times } };
      }
      case 'ledger.look':
        return { events: [], reply: { newest } };
      case 'ledger.refuse':
        return refuse('INVALID_INPUT', { operation: 'ledger.refuse', problem: 'as asked', newest });
      case 'ledger.remind':
        return { events: [{ type: 'reminder.set', data: { at: command.at } }] };
      case 'ledger.ring':
        return { events: [{ type: 'reminder.rang', data: { late: at - (state.remindAt ?? at) } }] };
      case 'ledger.break':
        if (command.place === 'decide') throw new TypeError(broken('decide'));
        return { events: [{ type: 'line.added', data: { line: broken(command.place) } }] };
    }
  },
  evolve(state, { type, data }: LawEvent) {
    const { line = '', at = null } = data as { line?: string; at?: number | null };
    if (line === broken('evolve')) throw new TypeError(line);
    if (type === 'line.added') return { ...state, lines: [...state.lines, line] };
    return { ...state, remindAt: type === 'reminder.set' ? at : null };
  },
  explain: () => ({ code: 'INVALID_INPUT', details: {} }),
  due: ({ remindAt }, now) => (remindAt !== null && remindAt <= now ? { type: 'ledger.ring' } : undefined),
  nextDeadline: ({ remindAt }) => remindAt,
  summarize(state) {
    breakAt('summarize', state);
    return { status: 'open', dueAt: state.remindAt, summary: { lines: state.lines.length } };
  },
  encode(state) {
    breakAt('encode', state);
    return JSON.stringify(state);
  },
  decode: (text) => JSON.parse(text) as Ledger,
};

export type LedgerEntity = Entity<Ledger, LedgerCommand>;

/** What an entity let out, in order. */
interface Heard {
  readonly become: string[];
  readonly told: string[][];
  readonly crashes: Error[];
}

export interface OpenLedger extends Heard {
  readonly entity: LedgerEntity;
}

export const add = (line: string): Command & { type: 'ledger.add'; line: string } => ({
  type: 'ledger.add',
  line,
});

export async function openLedger(
  store: Pick<MemoryJournal, 'clock' | 'reports'>,
  journal: Journal,
  options: Partial<EntityOptions<Ledger, LedgerCommand>> = {},
): Promise<OpenLedger> {
  const heard: Heard = { become: [], told: [], crashes: [] };
  const entity = await Entity.hydrate<Ledger, LedgerCommand>({
    law: ledgerLaw,
    stream: 'ledger/one',
    journal,
    clock: store.clock,
    telemetry: (name, data = {}) => store.reports.push({ name, data }),
    mailboxSize: 1_024,
    incarnation: 1,
    become: (event) => heard.become.push(lineOf(event)),
    tell: (events) => heard.told.push(events.map(lineOf)),
    crash: (error) => heard.crashes.push(error),
    ...options,
  });
  return { entity, ...heard };
}

export const lineOf = ({ type, data }: StoredEvent): string =>
  type === 'line.added' ? (data as { line: string }).line : type;

export const linesOf = (events: readonly StoredEvent[]): string[] => events.map(lineOf);
