// What can be asked of a session. Commands come checked from the layers above; whether they are lawful is decided here.
import type { Json } from '../../base/json.ts';
import type { RestartReason, Usage } from '../agent/agent-budget.ts';
import type { AgentPlace, AgentStart } from '../agent/agent-runs.ts';
import type { StepCommand } from '../agent/agent-step-events.ts';
import type { ErrorClass, RecordedFailure } from '../error-class.ts';
import type { MergedOrigin, MergePart, MergePolicy } from '../fork/session-merge-events.ts';
import type { TakenSpan } from '../fork/taken-ranges.ts';
import type { HandoffCommand } from '../handoff/handoff-events.ts';
import type { RecordedError } from '../recorded-error.ts';
import type { RecoveredData } from '../recovery/recovery-vocabulary.ts';
import type { SessionConfig } from './session-config.ts';
import type { MessageData, RestoredData, RolledBackData, SessionProfile } from './session-events.ts';

export interface CreateSession {
  readonly type: 'session.create';
  readonly profile: SessionProfile;
  /** Set when its actor could not be started: the session then goes straight to `terminated`. */
  readonly startError?: string;
}

export interface TerminateSession {
  readonly type: 'session.terminate';
  readonly reason: string;
  readonly cleanup: boolean;
}

export interface RestoreSession {
  readonly type: 'session.restore';
  readonly data: Omit<RestoredData, 'from'>;
  readonly messages: readonly { readonly at: number; readonly message: NewMessage }[];
}

/** Sent by whoever decides on the very state that it carries. */
export interface RecoverSession {
  readonly type: 'session.recover';
  readonly data: RecoveredData;
}

/** A value of both sides as it was when they were the same, and as it is where it comes from. */
export interface MergedValue {
  readonly key: string;
  readonly base: Json | undefined;
  readonly theirs: Json | undefined;
  /** The event that set it there; of one that was taken away, the version that lacks it. */
  readonly seq: number;
}

/** What another session has become since the two were the same; read and judged settled by whoever sends it. */
export interface MergeSession {
  readonly type: 'session.merge';
  readonly from: { readonly sessionId: string; readonly through: number; readonly chain: string };
  readonly ancestor: { readonly sessionId: string; readonly version: number };
  readonly policy: MergePolicy;
  /** Parts of which this is the last piece. */
  readonly parts: readonly MergePart[];
  /** Messages that the pieces before have brought, and tasks that were made beside. */
  readonly before: { readonly messages: number; readonly tasks: number };
  readonly taken: readonly TakenSpan[];
  readonly messages: readonly {
    readonly place: Pick<MergedOrigin, 'sessionId' | 'seq'>;
    readonly at: number;
    readonly message: NewMessage;
  }[];
  /** Files that were added there, or removed. */
  readonly files: readonly { readonly path: string; readonly seq: number; readonly isThere: boolean }[];
  readonly index: readonly MergedValue[];
  readonly context: readonly MergedValue[];
}

export interface StartAgent extends AgentStart {
  readonly type: 'agent.start';
}

/** What becomes of a run: told by whoever supervises it, but for `agent.stop`, which anybody may ask for. */
export type AgentCommand =
  | (AgentPlace & { readonly type: 'agent.fail'; readonly error: RecordedError })
  | (AgentPlace & {
      readonly type: 'agent.crash';
      readonly error: RecordedFailure;
      readonly errorClass?: ErrorClass;
    })
  /** It was told to come back later. */
  | (AgentPlace & {
      readonly type: 'agent.wait';
      readonly error: RecordedFailure;
      readonly resumesAt: number;
    })
  /** It has run for a while since its process died. */
  | (AgentPlace & { readonly type: 'agent.settle' })
  /** What it has spent since it last said so. */
  | (Usage & { readonly type: 'agent.report'; readonly runId: string })
  /** Its budget is used up: it has failed, whatever it is doing. */
  | { readonly type: 'agent.exhaust'; readonly runId: string; readonly error: RecordedError }
  | (AgentPlace & { readonly type: 'agent.complete'; readonly result: Json })
  | { readonly type: 'agent.restart'; readonly runId: string; readonly reason: RestartReason }
  | { readonly type: 'agent.stop'; readonly runId: string; readonly reason: string }
  | { readonly type: 'agent.stopAll'; readonly reason: string };

export interface CreateCheckpoint {
  readonly type: 'checkpoint.create';
  /** All but `manual` lead to nothing unless the session has changed since the last, and `shutdown` unless it wants it. */
  readonly reason: 'manual' | 'shutdown' | 'recovery';
  readonly name: string | null;
  readonly description: string | null;
  readonly metadata: Json;
}

/** The state that it carries was read and judged by whoever sends it. */
export interface RollBackSession extends Omit<RolledBackData, 'lawVersion'> {
  readonly type: 'session.rollback';
}

export type CheckpointCommand =
  | CreateCheckpoint
  | RollBackSession
  | { readonly type: 'checkpoint.delete'; readonly checkpointId: string };

/** A message before its place and size are known. */
export type NewMessage = Omit<MessageData, 'entry' | 'size'>;

export type SessionCommand = OrdinaryCommand | CheckpointCommand | HandoffCommand;

/** All but those that are about checkpoints and handoffs. */
export type OrdinaryCommand =
  | CreateSession
  | TerminateSession
  | RestoreSession
  | RecoverSession
  | MergeSession
  | StartAgent
  | AgentCommand
  | StepCommand
  | { readonly type: 'session.finishTermination' }
  /** What was asked needed nothing done, which somebody else has found out: only the answer is kept, under the caller's key. */
  | { readonly type: 'session.noteAnswer'; readonly reply: Readonly<Record<string, Json>> }
  | { readonly type: 'session.expire' }
  | { readonly type: 'session.fallQuiet'; readonly to: 'idle' | 'dormant'; readonly at: number }
  | { readonly type: 'session.pause'; readonly reason: string }
  | { readonly type: 'session.resume'; readonly reason: string }
  | { readonly type: 'session.hibernate'; readonly reason: string }
  | { readonly type: 'session.wake'; readonly reason: string }
  | { readonly type: 'session.archive'; readonly reason: string }
  | { readonly type: 'session.delete'; readonly reason: string }
  | {
      readonly type: 'session.configure';
      readonly changes: Partial<Omit<SessionProfile, 'config'>>;
      /** Numbers to change; the others stay. */
      readonly config?: Partial<SessionConfig>;
    }
  | { readonly type: 'message.send'; readonly message: NewMessage }
  | { readonly type: 'message.pin'; readonly seq: number }
  | { readonly type: 'message.unpin'; readonly seq: number }
  | { readonly type: 'conversation.clear' }
  | {
      readonly type: 'file.add';
      readonly path: string;
      readonly metadata?: Json;
      readonly processingMs?: number;
    }
  | { readonly type: 'file.remove'; readonly path: string }
  | { readonly type: 'file.index'; readonly path: string; readonly metadata: Json }
  | { readonly type: 'memory.set'; readonly key: string; readonly value: Json }
  | { readonly type: 'memory.delete'; readonly key: string }
  | {
      readonly type: 'event.publish';
      readonly event: string;
      readonly data: { readonly [key: string]: Json };
    };

export type SessionCommandType = SessionCommand['type'];
