// What the handlers of session operations work with.
import type { Clock } from '../../base/clock.ts';
import type { Durability } from '../../base/durability.ts';
import type { IdSource } from '../../base/ids.ts';
import type { Telemetry } from '../../base/telemetry.ts';
import type { TokenCounter } from '../../domain/session/built-context.ts';
import type { SessionCommand } from '../../domain/session/session-commands.ts';
import type { SessionConfig } from '../../domain/session/session-config.ts';
import type { Announcement } from '../../entity/announcement.ts';
import type { CommandMeta } from '../../entity/command-meta.ts';
import { receiptKey } from '../../entity/receipts.ts';
import type { Journal } from '../../journal/journal.ts';
import type { LevelJournal } from '../../journal/level-journal.ts';
import type { FreeSpace } from '../../journal/store/free-space.ts';
import type { Call } from '../../operations/bind.ts';
import type { OperationName } from '../../operations/registry.ts';
import type { PubSub } from '../../pubsub/pubsub.ts';
import type { Conditions } from '../../recovery/conditions/conditions.ts';
import type { ParkedEvents } from '../../recovery/parked/parked-events.ts';
import type { ReceiptLog } from '../../recovery/receipts/receipt-log.ts';
import type { RecoveryOptions } from '../../recovery/recovery-strategy.ts';
import type { SessionRecoveries } from '../../recovery/session-recoveries.ts';
import type { ReplayKeeper } from '../../recovery/trial/replay-keeper.ts';
import type { SessionTrials } from '../../recovery/trial/session-trials.ts';
import type { AgentRegistry } from '../agents/agent-definitions.ts';
import type { SessionManager } from '../session-manager.ts';
import type { SessionView } from '../session-view.ts';
import type { PastStates } from './past-states.ts';

/** What stands between stored sessions and whoever folds them. */
export interface ReplayParts {
  readonly parked: ParkedEvents;
  readonly trials: SessionTrials;
  readonly keeper: ReplayKeeper;
}

/** What the operations on recoveries work with. */
interface RecoveryContext {
  readonly receiptLog: ReceiptLog;
  readonly recoveries: SessionRecoveries;
  readonly options: RecoveryOptions;
  readonly replay: ReplayParts;
}

/** What merges and comparisons of sessions ask of their tasks. */
interface MergedTasks {
  /** Takes over those that have ended in another session, by then where it says when: how many. */
  adopt(
    adoption: { readonly sessionId: string; readonly fromSessionId: string; readonly until: number | null },
    meta: CommandMeta,
  ): Promise<number>;
  /** How each stands, by where it was first and under which id. */
  byOrigin(sessionId: string): Promise<ReadonlyMap<string, string>>;
}

export interface HandlerContext {
  readonly manager: SessionManager;
  readonly conditions: Conditions;
  readonly recovery: RecoveryContext;
  readonly agents: AgentRegistry;
  readonly journal: Journal;
  /** The records of journaled sessions as they are stored. */
  readonly records: Pick<LevelJournal, 'readRecords' | 'adopt'>;
  readonly pubsub: PubSub<Announcement>;
  readonly clock: Clock;
  readonly telemetry: Telemetry;
  readonly newId: IdSource;
  readonly countTokens: TokenCounter;
  readonly defaults: SessionConfig;
  /** Of new sessions that name none. */
  readonly durability: Durability;
  /** Files of sessions must lie below it; null takes any path as a name. */
  readonly fileRoot: string | null;
  readonly tasks: MergedTasks;
  /** What the disk has left. */
  readonly space: Pick<FreeSpace, 'admit'>;
}

/** What handlers that look at sessions work with. */
export interface ReadingContext extends HandlerContext {
  readonly past: PastStates;
}

/** A session as it is, or as it was at a seq: read from the journal, and nobody is woken. */
export function viewOf(
  { manager, past }: ReadingContext,
  operation: OperationName,
  { sessionId, at }: { readonly sessionId: string; readonly at?: number | undefined },
  { signal }: Call,
): Promise<SessionView> {
  return at === undefined ? manager.read(sessionId) : past.read(sessionId, at, operation, signal);
}

/** Stands for a command whose answer is on record: it is answered from there and never decided. */
export const answeredBefore: SessionCommand = { type: 'session.wake', reason: 'answered before' };

/** True when the answer to this very call is on record: what it asked for need not be possible any more. */
export async function isAnswered(
  { journal }: HandlerContext,
  stream: string,
  { operationId }: Call,
): Promise<boolean> {
  const key = receiptKey(operationId === undefined ? {} : { operationId });
  return key !== undefined && (await journal.receipt(stream, key)) !== undefined;
}

/** Sends a command that is known only later, in its turn, and answers with what it led to. */
export function sendPrepared<Answered>(
  { manager }: HandlerContext,
  sessionId: string,
  prepare: () => Promise<SessionCommand>,
  call: Call,
): Promise<Answered> {
  return manager.sendLater(sessionId, prepare, call) as Promise<unknown> as Promise<Answered>;
}

/** Sends a command and answers with what it led to. */
export function sendCommand<Answered>(
  { manager }: HandlerContext,
  sessionId: string,
  command: SessionCommand,
  call: Call,
): Promise<Answered> {
  return manager.send(sessionId, command, call) as Promise<unknown> as Promise<Answered>;
}
