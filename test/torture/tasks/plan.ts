// The tasks of the harness: the same for the same seed, in the worker and in the judge.
import { seededRandom } from '../harness.ts';

export interface Plan {
  readonly seed: number;
  readonly tasks: number;
  readonly sessions: number;
}

export interface PlannedTask {
  readonly sessionId: string;
  readonly taskId: string;
  readonly priority: number;
  readonly dependencies: readonly string[];
}

/** Each waits for up to three of the 50 before it in its session, so that there is always something to do. */
export function plannedTasks({ seed, tasks, sessions }: Plan): readonly PlannedTask[] {
  const random = seededRandom(seed);
  const below = (limit: number): number => Math.floor(random() * limit);
  const planned: PlannedTask[] = [];
  for (let n = 0; n < tasks; n++) {
    const session = n % sessions;
    const nth = Math.floor(n / sessions);
    const count = nth === 0 ? 0 : below(4);
    const before = Array.from({ length: count }, () => nth - 1 - below(Math.min(nth, 50)));
    planned.push({
      ...{ sessionId: `s${session}`, taskId: `t${nth}`, priority: below(5) },
      dependencies: [...new Set(before)].map((other) => `t${other}`),
    });
  }
  return planned;
}

/** What a worker tells, a line each. */
export type TaskReport =
  | { readonly report: 'serving' }
  | { readonly report: 'completed'; readonly count: number }
  | { readonly report: 'done' }
  | {
      readonly report: 'session';
      readonly sessionId: string;
      readonly completed: number;
      readonly open: number;
      readonly resumed: number;
      /** The keys of the effects, in the order in which they were recorded. */
      readonly effects: readonly string[];
      /** Ids of tasks, in the order of their events. */
      readonly completions: readonly string[];
      readonly unblockings: readonly string[];
      readonly requeued: number;
    };
