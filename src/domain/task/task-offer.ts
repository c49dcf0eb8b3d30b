// What the offer of a task is: the words of its commands and events.
import type { Json } from '../../base/json.ts';

/** What whoever takes it needs to go on. */
export interface TaskPackage {
  readonly summary: string;
  readonly resumePoint: string | null;
  readonly nextActions: readonly string[];
  readonly preservedState: Json;
}

/** As the task holds it; the package stays in the journal. */
export interface TaskOffer {
  /** Of `task.offered`. */
  readonly seq: number;
  readonly to: string;
  readonly offeredAt: number;
  readonly deadlineAt: number;
  readonly reason: string | null;
}

export type OfferEnd = 'rejected' | 'withdrawn' | 'expired';

interface OfTask {
  readonly taskId: string;
}

export type TaskOfferCommand =
  | (OfTask & {
      readonly type: 'task.offer';
      readonly epoch: number;
      readonly to: string;
      readonly deadlineMs: number;
      readonly reason: string | null;
      readonly package: TaskPackage;
    })
  | (OfTask & { readonly type: 'task.take'; readonly by: string; readonly leaseMs: number })
  | (OfTask & { readonly type: 'task.decline'; readonly by: string; readonly reason: string })
  | (OfTask & { readonly type: 'task.withdraw'; readonly epoch: number; readonly reason: string });

export interface TaskOfferEventData {
  'task.offered': OfTask & {
    readonly epoch: number;
    readonly to: string;
    readonly deadlineAt: number;
    readonly reason: string | null;
    readonly package: TaskPackage;
  };
  /** Another attempt, in other hands: `epoch` is its own. */
  'task.handedOver': OfTask & {
    readonly epoch: number;
    readonly owner: string;
    readonly from: string | null;
    readonly leaseUntil: number;
  };
  'task.offerEnded': OfTask & { readonly outcome: OfferEnd; readonly reason: string };
}
