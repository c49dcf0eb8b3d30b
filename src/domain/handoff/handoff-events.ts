// The commands and events of handoffs, in the stream of the session that is handed over and in that of whoever takes it.
import type { Json } from '../../base/json.ts';
import type { LawEvent } from '../law.ts';
import type { Addressee, HandoffKind, HandoffOutcome, HandoffPackage, HandoffRoute } from './handoff.ts';

/** What whoever offers says of the package himself; the rest is taken from the session. */
export type GivenPackage = Partial<
  Pick<
    HandoffPackage,
    'summary' | 'keyPoints' | 'instructions' | 'resumePoint' | 'nextActions' | 'preservedState'
  >
>;

export interface OfferHandoff {
  readonly type: 'handoff.offer';
  readonly kind: HandoffKind;
  readonly key: string | null;
  readonly to: Addressee;
  readonly route: HandoffRoute;
  readonly deadlineMs: number;
  readonly reason: string | null;
  readonly given: GivenPackage;
}

/** A package on its way to whoever accepted it. */
interface ReceivedHandoff {
  readonly handoffId: string;
  readonly chainId: string;
  readonly kind: HandoffKind;
  readonly route: HandoffRoute;
  readonly digest: string;
}

interface OfHandoff {
  readonly handoffId: string;
}

/** The session that answers, and the agent that it belongs to. */
interface ByTarget extends OfHandoff {
  readonly by: string;
  readonly agent: string | null;
}

export type HandoffCommand =
  | OfferHandoff
  /** `digest`: of the package that whoever accepts has seen. */
  | (ByTarget & { readonly type: 'handoff.accept'; readonly digest?: string | undefined })
  | (ByTarget & { readonly type: 'handoff.reject'; readonly reason: string })
  | (OfHandoff & { readonly type: 'handoff.withdraw'; readonly reason: string })
  | { readonly type: 'handoff.expire' }
  | (OfHandoff & {
      readonly type: 'handoff.complete';
      readonly by: string;
      readonly outcome: HandoffOutcome;
      readonly reason: string | null;
      readonly result: Json;
    })
  /** The target has it. */
  | (OfHandoff & { readonly type: 'handoff.deliver' })
  /** The target cannot be given it. */
  | (OfHandoff & { readonly type: 'handoff.return'; readonly reason: string })
  | (ReceivedHandoff & { readonly type: 'handoff.receive'; readonly package: HandoffPackage });

export type HandoffCommandOf<Type extends HandoffCommand['type']> = Extract<
  HandoffCommand,
  { readonly type: Type }
>;

export interface OfferedData {
  readonly handoffId: string;
  readonly chainId: string;
  readonly kind: HandoffKind;
  readonly key: string | null;
  readonly to: Addressee;
  readonly route: HandoffRoute;
  readonly reason: string | null;
  readonly deadlineAt: number;
  readonly digest: string;
  readonly bytes: number;
  readonly package: HandoffPackage;
}

export interface HandoffEventData {
  'handoff.offered': OfferedData;
  /** `owner` and `ownershipEpoch`: of the session from then on. */
  'handoff.accepted': {
    readonly handoffId: string;
    readonly by: string;
    readonly owner: string | null;
    readonly ownershipEpoch: number;
  };
  'handoff.rejected': { readonly handoffId: string; readonly by: string; readonly reason: string };
  'handoff.withdrawn': { readonly handoffId: string; readonly reason: string };
  'handoff.expired': { readonly handoffId: string; readonly deadlineAt: number; readonly lateMs: number };
  'handoff.delivered': { readonly handoffId: string };
  'handoff.completed': {
    readonly handoffId: string;
    readonly by: string;
    readonly outcome: HandoffOutcome;
    readonly reason: string | null;
    readonly result: Json;
  };
  'handoff.returned': {
    readonly handoffId: string;
    readonly reason: string;
    readonly owner: string | null;
    readonly ownershipEpoch: number;
  };
  /** In the stream of the session that accepted: `entry` is that of the message that tells of it. */
  'handoff.received': ReceivedHandoff & { readonly entry: number };
}

export type HandoffEventType = keyof HandoffEventData;

export const handoffEventTypes: Readonly<Record<HandoffEventType, true>> = {
  'handoff.offered': true,
  'handoff.accepted': true,
  'handoff.rejected': true,
  'handoff.withdrawn': true,
  'handoff.expired': true,
  'handoff.delivered': true,
  'handoff.completed': true,
  'handoff.returned': true,
  'handoff.received': true,
};

export type HandoffEvent = { [T in HandoffEventType]: LawEvent<T, HandoffEventData[T]> }[HandoffEventType];

export const isHandoffEvent = (event: LawEvent): event is HandoffEvent =>
  Object.hasOwn(handoffEventTypes, event.type);
