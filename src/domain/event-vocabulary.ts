// Every event that can be heard of a session, by its name: its own, those that agents publish, and its conditions.
import { stepEventTypes } from './agent/agent-step-events.ts';
import { type PublishableEventType, type PublishedEventData, publishableEvents } from './event-catalogue.ts';
import { handoffEventTypes } from './handoff/handoff-events.ts';
import { type MemoryEventData, type MemoryEventType, memoryEventTypes } from './memory/memory-events.ts';
import type { ConditionCleared, ConditionSet } from './recovery/condition-law.ts';
import type { ParkedData, ParkingsRecovered, UnparkedData } from './recovery/parked-law.ts';
import type { RecoveryReceipt } from './recovery/recovery-vocabulary.ts';
import type { SessionEventData, SessionEventType } from './session/session-events.ts';
import { type TaskEventData, type TaskEventType, taskEventTypes } from './task/task-events.ts';

/** The events of a session's condition, which stand in a stream of their own. */
interface ConditionEventData {
  'condition.set': ConditionSet;
  'condition.cleared': ConditionCleared;
}

type ConditionEventType = keyof ConditionEventData;

/** What became of it when it was recovered, in a stream of its own too. */
interface RecoveryEventData {
  'recovery.recorded': RecoveryReceipt;
}

type RecoveryEventType = keyof RecoveryEventData;

/** Which of its events a replay leaves out, in a stream of their own as well. */
interface ParkedEventData {
  'event.parked': ParkedData;
  'event.unparked': UnparkedData;
  'parked.recovered': ParkingsRecovered;
}

type ParkedEventType = keyof ParkedEventData;

export type EventType =
  | SessionEventType
  | PublishableEventType
  | ConditionEventType
  | RecoveryEventType
  | ParkedEventType
  | TaskEventType
  | MemoryEventType;

/** What an event of a type carries. */
export type EventData<Type extends EventType> =
  | (Type extends SessionEventType ? SessionEventData[Type] : never)
  | (Type extends PublishableEventType ? PublishedEventData[Type] : never)
  | (Type extends ConditionEventType ? ConditionEventData[Type] : never)
  | (Type extends RecoveryEventType ? RecoveryEventData[Type] : never)
  | (Type extends ParkedEventType ? ParkedEventData[Type] : never)
  | (Type extends TaskEventType ? TaskEventData[Type] : never)
  | (Type extends MemoryEventType ? MemoryEventData[Type] : never);

/** The compiler sees to it that none is forgotten. */
const sessionEventTypes: Readonly<Record<SessionEventType, true>> = {
  'session.statusChanged': true,
  'session.created': true,
  'session.configured': true,
  'session.terminated': true,
  'session.restored': true,
  'session.rolledBack': true,
  'checkpoint.created': true,
  'checkpoint.deleted': true,
  'session.recovered': true,
  'session.forked': true,
  'session.merged': true,
  'message.sent': true,
  'message.pinned': true,
  'message.unpinned': true,
  'conversation.cleared': true,
  'file.added': true,
  'file.removed': true,
  'file.indexed': true,
  'memory.updated': true,
  'memory.deleted': true,
  'agent.started': true,
  'agent.restarted': true,
  'agent.crashed': true,
  'agent.rateLimited': true,
  'agent.usageReported': true,
  'agent.settled': true,
  'agent.completed': true,
  'agent.failed': true,
  'agent.stopped': true,
  'payload.erased': true,
  ...stepEventTypes,
  ...handoffEventTypes,
};

const conditionEventTypes: Readonly<Record<ConditionEventType, true>> = {
  'condition.set': true,
  'condition.cleared': true,
};

const recoveryEventTypes: Readonly<Record<RecoveryEventType, true>> = { 'recovery.recorded': true };

const parkedEventTypes: Readonly<Record<ParkedEventType, true>> = {
  'event.parked': true,
  'event.unparked': true,
  'parked.recovered': true,
};

export const eventTypes = Object.keys({
  ...sessionEventTypes,
  ...publishableEvents,
  ...conditionEventTypes,
  ...recoveryEventTypes,
  ...parkedEventTypes,
  ...taskEventTypes,
  ...memoryEventTypes,
}) as readonly EventType[];
