// When the process is killed: at moments that are worth it, and at some that chance has chosen.
import type { ToldType } from './reports.ts';

export interface KillMoment {
  /** In words, for people. */
  readonly name: string;
  /** Due when so many events of this type were heard. */
  readonly type: ToldType;
  readonly count: number;
  /** So much later, while other work goes on. */
  readonly delayMs: number;
}

export interface Workload {
  readonly messages: number;
  readonly calls: number;
  readonly transfers: number;
}

const byChance = 3;
const longestDelayMs = 20;

export function killMoments({ messages, calls, transfers }: Workload, random: () => number): KillMoment[] {
  const at = (name: string, type: ToldType, count: number): KillMoment => ({ name, type, count, delayMs: 0 });
  const chosen = [
    at('a tool call was at work', 'task.started', Math.ceil(calls / 3)),
    at('a customer was offered to the desk', 'handoff.offered', Math.ceil(transfers / 3)),
    at('the desk had just accepted a customer', 'handoff.accepted', Math.ceil((2 * transfers) / 3)),
  ];
  const any = Array.from({ length: byChance }, (_, index) => ({
    name: 'by chance',
    type: 'message.sent' as const,
    count: Math.ceil(((index + random()) * messages) / byChance),
    delayMs: Math.floor(random() * longestDelayMs),
  }));
  return [...chosen, ...any].filter(({ count }) => count > 0);
}
