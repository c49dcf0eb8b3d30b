// What a supervisor reports of its children: each start, end and decision once, with the incarnation that it is about.
import type { Exit } from './child-spec.ts';

interface OfIncarnation {
  readonly id: string;
  readonly incarnation: number;
}

export type ChildReport =
  | ({ readonly type: 'child.started' } & OfIncarnation)
  | ({ readonly type: 'child.exited'; readonly exit: Exit } & OfIncarnation)
  /** It did not end within its grace, or was not given one. `abandoned` names what it was still busy with. */
  | ({ readonly type: 'child.killed'; readonly abandoned: readonly string[] } & OfIncarnation)
  /** `incarnation` is the next one. */
  | ({ readonly type: 'child.restarting'; readonly afterMs: number } & OfIncarnation)
  /** Too many restart at once: this one waits its turn, for so long beyond its own back-off. */
  | ({ readonly type: 'child.paced'; readonly afterMs: number } & OfIncarnation)
  | {
      readonly type: 'child.givenUp';
      readonly id: string;
      readonly restarts: number;
      readonly error: Error;
    };

/** A report that throws must not end the supervision of anybody. */
export function guardedReport(report: (report: ChildReport) => void): (report: ChildReport) => void {
  return (said) => {
    try {
      report(said);
    } catch {
      // who listens badly harms nobody
    }
  };
}
