// Every code that Holdfast can raise. Codes never change; messages may. docs/errors.md is held equal to this list.

export interface ErrorEntry {
  /** What happened, in one sentence. `{name}` is filled from the error's details. */
  readonly message: string;
  /** True when the same call may succeed later without being changed. */
  readonly retryable: boolean;
}

const entry = (message: string, retryable = false): ErrorEntry => ({ message, retryable });

export const errorCatalogue = {
  // input, refused before anything is decided
  INVALID_INPUT: entry('The input of {operation} is not valid: {problem}'),
  INVALID_ID: entry('{value} is not a valid id: {problem}'),
  INVALID_ROLE: entry('{value} is not a message role: use system, user, assistant or tool'),
  INVALID_CURSOR: entry('{value} is not a cursor that this list has handed out'),
  UNKNOWN_OPERATION: entry('There is no operation named {operation}'),
  UNKNOWN_EVENT_TYPE: entry('{value} is not an event type that can be published'),
  MISSING_EVENT_FIELD: entry('The event {type} lacks the required field {field}'),
  INVALID_EVENT_FIELD: entry('The event {type} has a wrong value in {field}: {problem}'),
  NOT_JSON: entry('The value at {path} cannot be kept as JSON: {problem}'),
  CODEC_UNKNOWN: entry(
    'No codec is named {codec}: give the system the codecs with which its payloads were written',
  ),
  TOO_DEEP: entry('The value at {path} is nested deeper than {limit} levels'),
  TOO_LARGE: entry('The {what} has {size} bytes, the limit is {limit}'),
  INVALID_CONFIG: entry('The configuration is not valid: {problem}'),

  // refusals by the law of a session
  SESSION_NOT_FOUND: entry('There is no session {sessionId}'),
  SESSION_EXISTS: entry('The session id {sessionId} is taken'),
  SESSION_START_FAILED: entry('The session {sessionId} could not be started: {problem}'),
  SESSION_NOT_ACTIVE: entry('The session {sessionId} is {status} and does not take {command}'),
  INVALID_TRANSITION: entry('The session {sessionId} cannot go from {from} to {to}: {hint}'),
  SESSION_LIMIT: entry('{count} sessions are open, the limit is {limit}'),
  AT_CAPACITY: entry('The {what} of session {sessionId} is full: {size} of {limit}'),
  KEY_NOT_FOUND: entry('The session {sessionId} has no value under the key {key}'),
  INVALID_PATH: entry('{path} is not a path that a session may hold: {problem}'),
  FILE_NOT_FOUND: entry('The session {sessionId} has no file {path}'),
  AGENT_NOT_REGISTERED: entry('There is no agent registered as {agent}: name it in the agents of the system'),
  AGENT_NOT_FOUND: entry('The session {sessionId} has no agent run {runId}'),
  AGENT_RUN_EXISTS: entry('The session {sessionId} has an agent run {runId} already'),
  AGENT_TIMEOUT: entry('The agent {agent} of session {sessionId} took longer than {timeoutMs} ms'),
  AGENT_EXITED: entry('The agent {agent} of session {sessionId} ended its thread with exit code {exitCode}'),
  AGENT_OUT_OF_MEMORY: entry(
    'The thread of agent {agent} of session {sessionId} ran out of its memory of {limitMb} MB',
  ),
  BUDGET_EXHAUSTED: entry(
    'The run {runId} of agent {agent} in session {sessionId} is not started again: {spent} of {limit} {what} are used up',
  ),
  TREE_BUDGET_EXHAUSTED: entry(
    'Nothing is opened under the session {sessionId}: of the budget of the tree of {tree}, {spent} of {limit} {what} are used up',
  ),
  STALE_INCARNATION: entry(
    'Incarnation {incarnation} of agent run {runId} in session {sessionId} may do nothing any more: the run is at {current}',
  ),
  AGENT_RUN_ENDED: entry('The agent run {runId} of session {sessionId} has ended: it is {status}'),
  SIGNAL_UNADDRESSED: entry(
    'The signal {name} in session {sessionId} is for no one run: {waiting} of {open} open runs wait for it, name one',
  ),
  LETTER_NOT_FOUND: entry('The mail of session {sessionId} holds no message {messageId}'),
  CHILD_SESSION_NOT_FOUND: entry('The session {sessionId} has no session {child} below it'),
  PERMIT_UNKNOWN: entry('There are no permits under the key {key}: name it in the option permits'),
  PERMIT_TOO_LARGE: entry('A permit of {key} for {asked} {unit} is over its limit of {limit}'),
  PERMIT_QUEUE_FULL: entry(
    '{waiting} wait for a permit of {key}, the limit is {limit}: try again in {retryAfterMs} ms',
    true,
  ),
  PERMIT_TIMEOUT: entry('No permit of {key} was to be had within {timeoutMs} ms', true),
  PERMIT_EXPIRED: entry('The permit of {key} was held for longer than its lease, and is taken back'),
  STEPS_CHANGED: entry(
    'The steps of run {runId} in session {sessionId} are not those that it has recorded: {step} {problem}',
  ),
  EFFECT_UNKNOWN: entry(
    'The effect {step} of run {runId} in session {sessionId} was interrupted: whether it took place is not known',
  ),
  WAIT_EXPIRED: entry(
    'The signal {signal} did not come in time for {step} of run {runId} in session {sessionId}',
  ),
  CHILD_FAILED: entry('The run {childRunId}, {step} of run {runId} in session {sessionId}, {problem}'),
  STEPS_NOT_HERE: entry(
    '{handle} is not there for an agent in a thread of its own: run it without isolation, or start it as a child of one',
  ),
  MESSAGE_NOT_FOUND: entry('The session {sessionId} has no message at seq {seq}'),
  CHECKPOINT_NOT_FOUND: entry('The session {sessionId} has no checkpoint {checkpointId}'),
  CHECKPOINT_MISMATCH: entry(
    'The state of session {sessionId} at version {version} is not the one that checkpoint {checkpointId} was made of: its hash is {found}, not {expected}',
  ),
  NOT_ERASABLE: entry(
    'The payload of event {seq} of session {sessionId}, {type}, cannot be erased by itself: {problem}',
  ),
  ERASURE_BLOCKED: entry(
    'The message {seq} of session {sessionId} stands in the states that the events {heldBy} carry, too: only the whole session can be erased',
  ),
  AGENTS_AT_WORK: entry(
    'The session {sessionId} has {runs} agent runs that have not ended: nothing can be erased under them',
  ),
  SAVED_SESSION_NOT_FOUND: entry('There is no saved session {sessionId}'),
  PROJECTION_NOT_FOUND: entry('There is no projection named {name}'),
  INVALID_FORMAT: entry('The record is not a session: {field} {problem}'),

  // refusals by the law of tasks
  TASK_NOT_FOUND: entry('The session {sessionId} has no task {taskId}'),
  NO_TASK_READY: entry('The session {sessionId} has no task that is ready to be claimed', true),
  TASK_EXISTS: entry('The session {sessionId} has a task {taskId} already'),
  TASK_CONFLICT: entry(
    'The task {taskId} of session {sessionId} is at version {version}, not {expected}: read it again',
  ),
  TASK_CYCLE: entry('The task {taskId} of session {sessionId} would wait for itself: {path}'),
  TASK_TRANSITION: entry('The task {taskId} of session {sessionId} is {status} and does not take {command}'),
  TASK_NOT_READY: entry('The task {taskId} of session {sessionId} is not ready: {problem}'),
  TASK_LEASE_LOST: entry(
    'Epoch {epoch} of task {taskId} in session {sessionId} may do nothing any more: the task is at {current}',
  ),
  GATE_NOT_REGISTERED: entry('There is no gate registered as {gate}: name it in the gates of the system'),

  // refusals by the law of memories
  MEMORY_NOT_FOUND: entry('The session {sessionId} has no memory {memoryId}'),
  MEMORY_STATUS: entry(
    'The memory {memoryId} of session {sessionId} is {status} and does not take {command}',
  ),
  SUMMARISER_NOT_REGISTERED: entry(
    'There is no summariser registered as {summariser}: name it in the summarisers of the system',
  ),

  // refusals by the law of shared context
  SPACE_NOT_FOUND: entry('There is no space {spaceId}'),
  SPACE_EXISTS: entry('The space id {spaceId} is taken'),
  SPACE_FULL: entry('The {what} of space {spaceId} is full: {size} of {limit}'),
  NOT_A_MEMBER: entry('The session {sessionId} may not use the space {spaceId}: it is no member'),
  VERSION_CONFLICT: entry(
    'The key {key} of space {spaceId} is at version {found}, not {expected}: read it again, then write',
  ),
  VERSION_NOT_KEPT: entry('The version {version} of key {key} in space {spaceId} is not kept'),
  CONFLICT_NOT_FOUND: entry('The space {spaceId} has no conflict {conflictId} that waits to be settled'),
  POLICY_MISMATCH: entry('The key {key} of space {spaceId} is {policy} and does not take {op}: {problem}'),
  MERGE_POLICY_UNKNOWN: entry(
    'No merge policy is named {policy}: name it in the mergePolicies of the system',
  ),
  MERGE_FAILED: entry('The merge policy {policy} failed on key {key}: {problem}'),

  // flow
  OVERLOADED: entry('Too much waits for {stream}: {size}, try again in {retryAfterMs} ms', true),
  OPERATION_TIMEOUT: entry(
    '{operation} was not answered within {timeoutMs} ms; it may still take effect',
    true,
  ),
  IDEMPOTENCY_KEY_REUSED: entry('The idempotency key {key} was used for another request'),
  IDEMPOTENCY_KEY_EXPIRED: entry(
    'The idempotency key {key} is older than the window in which answers are kept',
  ),
  OUTCOME_UNKNOWN: entry(
    'The disk failed while {command} on {stream} was being written: it may or may not have taken effect',
    true,
  ),
  NOT_COMMITTED: entry('{command} on {stream} was not written and had no effect: {problem}', true),
  SESSION_QUARANTINED: entry('The session {sessionId} keeps failing and takes no writes: {problem}'),
  SESSION_POISONED: entry(
    'The session {sessionId} has events that cannot be folded, of which these are parked: {parked}: {problem}',
  ),
  EVENT_NOT_FOUND: entry('The session {sessionId} has no event {event}'),
  NOT_PARKED: entry('The event {seq} of session {sessionId} is not parked'),
  PARKING_FAILED: entry(
    'The session {sessionId} cannot be folded with event {event} like this: {problem}, at event {seq}',
  ),
  PARKED_ELSEWHERE: entry(
    'The record {seq} of {stream} is not the one that was parked: its hash is {found}, not {parked}',
  ),
  ENTITY_GIVEN_UP: entry('{stream} keeps failing and takes nothing more: {problem}'),
  KILLED: entry('It was ended by force'),
  SCOPE_CLOSED: entry('{task} was not started: its actor has ended'),
  CHILD_EXISTS: entry('The supervisor {supervisor} has a child {child} already, which is {status}'),
  CHILD_NOT_FOUND: entry('The supervisor {supervisor} has no child {child}'),
  CHILD_RUNNING: entry('The child {child} of the supervisor {supervisor} does not rest, it is {status}'),
  TOO_MANY_RESTARTS: entry(
    'The supervisor {supervisor} gave up: {child} failed once more after {restarts} restarts in its period',
  ),
  SUPERVISOR_NOT_RUNNING: entry('The supervisor {supervisor} is {status}'),
  SYSTEM_NOT_SERVING: entry('The system is {status} and takes no commands', true),

  // the roster and the locks on resources
  NOT_ON_ROSTER: entry('The session {sessionId} is not on the roster: it never joined, has left, or is dead'),
  ROSTER_FULL: entry('The roster holds its {limit} members and takes no more'),
  NO_SUCH_ASSIGNMENT: entry('The session {sessionId} does not have the assignment {assignment}'),
  LOCK_HELD: entry('The lock {name} is held by the session {holder} until {until}', true),
  LOCK_TIMEOUT: entry('The lock {name} was not granted within {waitMs} ms', true),
  LOCK_QUEUE_FULL: entry('{limit} wait for the lock {name} already', true),
  LOCK_LIMIT: entry('{what} holds its {limit} locks and takes no more, for the session {sessionId}'),
  LOCK_WAIT_ENDED: entry('The wait for the lock {name} has ended: {cause}'),
  LOCK_TOKEN_STALE: entry('The lock {name} is not held under the token {token}'),
  DEADLOCK: entry('The session {sessionId} may not wait for the lock {name}: it would wait for itself'),

  // the journal
  JOURNAL_LOCKED: entry('{location} is in use: {problem}'),
  JOURNAL_READ_ONLY: entry('{location} cannot be written: grant write access, or give another directory'),
  JOURNAL_FOREIGN: entry('{location} {problem}: give an empty or new directory'),
  JOURNAL_FORMAT: entry(
    '{location} was written with {what} {found}, this version reads {supported}: upgrade Holdfast',
  ),
  UPGRADE_NEEDED: entry(
    '{location} was last written with {from}, this version writes {to}: run doctor on it, then open it with upgrade "auto"',
  ),
  PREFLIGHT_FAILED: entry(
    'The store was looked through and is not served: of {sessions} sessions {differs} differ and {cannot} cannot be loaded, {missingAgents} agents are missing: {problem}',
  ),
  ENCRYPTION_KEY_MISSING: entry(
    'What is stored is encrypted under the key {keyId}: give it among the encryption keys',
  ),
  ENCRYPTION_KEY_WRONG: entry(
    'The encryption key that was given as {keyId} is another than the one under which the store was written',
  ),
  JOURNAL_OPEN_FAILED: entry('The journal at {location} cannot be opened: {problem}'),
  JOURNAL_DAMAGED: entry('The store at {location} is damaged, and was left as it is: {problem}'),
  JOURNAL_CLOSED: entry('The journal is closed'),
  STORAGE_FULL: entry(
    'The disk is full and takes no writes, try again in {retryAfterMs} ms: {problem}',
    true,
  ),
  STORAGE_LOW: entry(
    'The disk has {freeBytes} bytes free, new sessions need {minFreeBytes}: free some, or lower minFreeBytes',
    true,
  ),
  JOURNAL_GONE: entry('The store at {location} can be read, and not be written any more: {problem}'),
  JOURNAL_UNAVAILABLE: entry('The journal cannot be read, written or reopened: {problem}', true),
  JOURNAL_CORRUPT: entry('The record {seq} of {stream} is damaged: {problem}'),
  HISTORY_LOST: entry(
    'The stream {stream} ends at {found}, but was known to be durable up to {witnessed}: what lay between is lost',
  ),
  HISTORY_TRIMMED: entry('The events of {stream} before {firstSeq} were trimmed and cannot be read any more'),
  NOT_SETTLED: entry(
    'The session {sessionId} is not at rest at version {version}: {runs} runs of agents are open, and only what has come to rest is merged',
  ),
  SESSIONS_UNRELATED: entry('The sessions {sessionId} and {otherSessionId} have no past in common'),
  MERGE_CONFLICT: entry(
    'The session {fromSessionId} cannot be merged into {sessionId}: both have changed {keys}, {count} in all',
  ),
  HISTORY_ERASED: entry(
    'What {sessionId} had up to {through} was recorded in session {ancestorId} and is gone with it: what came later can be read behind {through}',
  ),
  VALUE_TOO_LARGE: entry('A value of {size} bytes for {stream} is over the limit of {limit}'),
  BATCH_TOO_LARGE: entry('A batch of {size} bytes for {stream} is over the limit of {limit}'),
  KEY_TOO_LARGE: entry('A key of {size} bytes for {stream} is over the limit of {limit}'),
  LAW_CHANGED: entry(
    '{stream} was written under version {found} of its law, this version reads up to {supported}',
  ),
  VERSION_TOO_NEW: entry(
    '{stream} holds a {what} of version {found}, this version of Holdfast reads up to {supported}: go back to the newer one',
  ),
  UPCAST_FAILED: entry(
    'The event {seq} of {stream}, {type} in version {found}, could not be brought to version {supported}: {problem}',
  ),

  // handoffs
  OWNERSHIP_LOST: entry(
    "The session {sessionId} is not {claimed}'s any more, who names epoch {epoch}: it is in epoch {ownershipEpoch}",
  ),
  OWNERSHIP_REQUIRED: entry(
    'The session {sessionId} is owned by {owner}: name the ownership, now of epoch {ownershipEpoch}',
  ),
  HANDOFF_NOT_FOUND: entry('There is no handoff {handoffId}, or it is none of yours'),
  HANDOFF_PENDING: entry('The session {sessionId} is on offer already, by {handoffId}'),
  HANDOFF_SETTLED: entry('The handoff {handoffId} is {status}'),
  HANDOFF_NOT_DELIVERED: entry('The handoff {handoffId} is accepted, and its package is on its way', true),
  HANDOFF_NOT_ADDRESSED: entry('The handoff {handoffId} is not for {sessionId}'),
  HANDOFF_MISMATCH: entry('What the handoff {handoffId} offers is not what is there: {problem}'),

  // backups
  BACKUP_NOT_FOUND: entry('There is no backup {backup}'),
  BACKUP_DAMAGED: entry('The backup {backup} is damaged: {problem}'),
  BACKUP_FORMAT: entry(
    'The backup {backup} is of format {found}, this version reads {supported}: upgrade Holdfast',
  ),
  RESTORE_REFUSED: entry('The backup is not restored to {location}: {problem}'),
  BACKUPS_OFF: entry('There is no place for backups: name one in the option backupDirectory'),
  BACKUP_FAILED: entry('The backup could not be made, read or restored: {problem}', true),

  // capsules
  CAPSULE_INVALID: entry('The capsule is damaged or none, at line {line}: {problem}'),
  CAPSULE_REDACTED: entry(
    'The session {sessionId} cannot live again from this capsule: the payload of event {seq}, {type}, was left out',
  ),
  NOT_JOURNALED: entry('The session {sessionId} has no records: it is not journaled'),
  UPLOAD_NOT_FOUND: entry('There is no upload {uploadId}: it was used, has expired, or never was'),
} as const satisfies Record<string, ErrorEntry>;

export type ErrorCode = keyof typeof errorCatalogue;
