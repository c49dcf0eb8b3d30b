// The starts of a system, in one stream of their own: a receipt for each, and the last words of a process that ended on an
// error which nobody caught.
import { type Law, type LawEvent, refuse } from '../law.ts';
import type { BootReceipt, EmergencyRecord } from './recovery-vocabulary.ts';

/** So many of the newest receipts are in the state. */
const keptBoots = 100;

export interface BootState {
  readonly count: number;
  /** Newest last. */
  readonly boots: readonly BootReceipt[];
  /** What was said since the newest boot. */
  readonly lastWords: EmergencyRecord | null;
  readonly changedAt: number;
}

export type BootCommand =
  | { readonly type: 'boot.record'; readonly receipt: BootReceipt }
  | { readonly type: 'boot.emergency'; readonly record: EmergencyRecord };

export const bootStream = 'boot/system';

export const bootLaw: Law<BootState, BootCommand> = {
  kind: 'boot',
  version: 1,
  eventVersions: {},
  initial: startOf,
  tombstone: startOf,
  decide: ({ changedAt, lastWords }, command) => {
    if (command.type === 'boot.emergency') {
      const { record } = command;
      return {
        events: [{ type: 'system.emergency', data: record, at: Math.max(record.at, changedAt) }],
      };
    }
    const receipt: BootReceipt = { ...command.receipt, lastWords };
    return { events: [{ type: 'system.booted', data: receipt, at: Math.max(receipt.at, changedAt) }] };
  },
  evolve: evolveBoot,
  explain: (_, { type }) => refuse('INVALID_INPUT', { operation: bootStream, problem: type }).refusal,
  due: () => undefined,
  nextDeadline: () => null,
  summarize: ({ count, boots }) => ({
    status: boots.at(-1)?.crashed === true ? 'recovered' : 'booted',
    dueAt: null,
    summary: { boots: count },
  }),
  encode: (state) => JSON.stringify(state),
  decode: (text) => JSON.parse(text) as BootState,
};

function startOf(): BootState {
  return { count: 0, boots: [], lastWords: null, changedAt: 0 };
}

function evolveBoot(state: BootState, { type, data, at }: LawEvent): BootState | undefined {
  if (type === 'system.emergency') return { ...state, lastWords: data as EmergencyRecord, changedAt: at };
  if (type !== 'system.booted') return undefined;
  const boots = [...state.boots, data as BootReceipt].slice(-keptBoots);
  return { count: state.count + 1, boots, lastWords: null, changedAt: at };
}
