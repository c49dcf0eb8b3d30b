// Arbitrary sessions for property tests: commands of every type with small pools of names, so that they meet each other.
import fc from 'fast-check';
import { type Json, plainJson } from '../../src/base/json.ts';
import { unknownDecisions } from '../../src/domain/agent/agent-step-events.ts';
import type { NewMessage, SessionCommand } from '../../src/domain/session/session-commands.ts';
import { defaultSessionConfig, type SessionConfig } from '../../src/domain/session/session-config.ts';
import {
  messageRoles,
  type RestoredData,
  type SessionProfile,
} from '../../src/domain/session/session-events.ts';
import { type SessionLaw, SessionLife } from './session-life.ts';
import { openedAt } from './session-states.ts';

/** A command and how much time passes before it; time may also run backwards. */
export interface TimedCommand {
  readonly afterMs: number;
  readonly command: SessionCommand;
}

const word = fc.constantFrom('a', 'b', 'c', '__proto__', 'constructor', 'toString', '1', '10');
/** Objects as they come out of JSON: `fc.record` also makes some without a prototype. */
const record = ((model: never, constraints?: object) =>
  fc.record(model, { noNullPrototype: true, ...constraints })) as typeof fc.record;

const named = fc.oneof(word, fc.string({ unit: 'binary', minLength: 1, maxLength: 40 }));
const text = fc.oneof(named, fc.constant(''));

/** JSON as it comes through the doors: plain, with any member name. */
export const json: fc.Arbitrary<Json> = fc
  .oneof({ weight: 3, arbitrary: fc.jsonValue({ maxDepth: 3 }) }, { weight: 1, arbitrary: text })
  .map((value) => plainJson(JSON.parse(JSON.stringify(value))));

const jsonObject: fc.Arbitrary<{ readonly [key: string]: Json }> = fc
  .array(fc.tuple(word, json), { maxLength: 4 })
  .map((members) => plainJson(Object.fromEntries(members)) as { readonly [key: string]: Json });

const span = fc.integer({ min: 1, max: 5_000 });
const orNever = <T>(arbitrary: fc.Arbitrary<T>): fc.Arbitrary<T | null> => fc.option(arbitrary, { freq: 3 });

/** Small enough that every limit is met. */
export const smallConfig: fc.Arbitrary<SessionConfig> = fc
  .record({
    idleAfterMs: orNever(span),
    dormantAfterMs: orNever(span),
    endAfterQuietMs: orNever(span),
    endAfterMs: orNever(fc.integer({ min: 1, max: 20_000 })),
    expiresAt: orNever(fc.integer({ min: openedAt, max: openedAt + 20_000 })),
    messageWindow: fc.integer({ min: 1, max: 6 }),
    messageWindowBytes: fc.integer({ min: 1, max: 200 }),
    maxFiles: fc.integer({ min: 1, max: 4 }),
    maxIndexedFiles: fc.integer({ min: 1, max: 4 }),
    maxMemoryKeys: fc.integer({ min: 1, max: 5 }),
    maxMemoryBytes: fc.integer({ min: 20, max: 300 }),
    checkpointEveryEvents: orNever(fc.integer({ min: 1, max: 20 })),
    checkpointEveryMs: fc.oneof(orNever(span), fc.constant('adaptive' as const)),
    checkpointOn: fc.subarray(['pause', 'hibernate', 'shutdown'] as const).map((on) => Object.freeze(on)),
    checkpointsKept: fc.integer({ min: 1, max: 4 }),
  })
  .map((numbers) => Object.freeze({ ...defaultSessionConfig, ...numbers }));

/** As {@link smallConfig}, without an end. */
export const endlessConfig = smallConfig.map(
  (config): SessionConfig => ({ ...config, endAfterQuietMs: null, endAfterMs: null, expiresAt: null }),
);

export const profileOf = (config: fc.Arbitrary<SessionConfig>): fc.Arbitrary<SessionProfile> =>
  record({
    name: fc.option(named),
    agent: fc.option(named),
    metadata: jsonObject,
    llmConfig: jsonObject,
    config,
    parentSessionId: fc.constantFrom(null, 'p1'),
  });

const newMessage: fc.Arbitrary<NewMessage> = record(
  {
    role: fc.constantFrom(...messageRoles),
    content: fc.oneof(text, fc.constant(null), fc.array(json, { maxLength: 3 })),
    toolCalls: fc.array(json, { maxLength: 2 }),
    toolCallId: named,
    name: named,
    metadata: json,
    pinned: fc.boolean(),
    processingMs: fc.nat(),
  },
  { requiredKeys: ['role', 'content'] },
);

const restored: fc.Arbitrary<Omit<RestoredData, 'from'>> = record({
  savedAt: fc.nat(),
  savedSeq: fc.nat(),
  createdAt: fc.nat(),
  profile: profileOf(smallConfig),
  files: fc.array(fc.tuple(word, fc.nat()), { maxLength: 6 }),
  fileIndex: fc.array(fc.tuple(word, json, fc.nat()), { maxLength: 6 }),
  memory: fc.array(fc.tuple(word, json), { maxLength: 6 }),
});

const reason = fc.constantFrom('requested', 'quiet');
const asked = <T extends 'pause' | 'resume' | 'hibernate' | 'wake' | 'archive' | 'delete'>(verb: T) =>
  record({ type: fc.constant(`session.${verb}` as const), reason });
const seq = fc.integer({ min: 1, max: 40 });
const few = fc.integer({ min: 1, max: 4 });

const contentCommand: fc.Arbitrary<SessionCommand> = fc.oneof(
  { weight: 5, arbitrary: record({ type: fc.constant('message.send' as const), message: newMessage }) },
  record({ type: fc.constantFrom('message.pin' as const, 'message.unpin' as const), seq }),
  record({ type: fc.constant('conversation.clear' as const) }),
  record(
    { type: fc.constant('file.add' as const), path: word, metadata: jsonObject, processingMs: fc.nat() },
    { requiredKeys: ['type', 'path'] },
  ),
  record({ type: fc.constant('file.remove' as const), path: word }),
  record({ type: fc.constant('file.index' as const), path: word, metadata: json }),
  { weight: 2, arbitrary: record({ type: fc.constant('memory.set' as const), key: word, value: json }) },
  record({ type: fc.constant('memory.delete' as const), key: word }),
  record(
    {
      type: fc.constant('session.configure' as const),
      changes: record({ name: named, agent: named, metadata: jsonObject }, { requiredKeys: [] }),
      config: record({ maxFiles: few, messageWindow: few, idleAfterMs: orNever(span) }),
    },
    { requiredKeys: ['type', 'changes'] },
  ),
  record({
    type: fc.constant('event.publish' as const),
    event: fc.constantFrom('tool.called', 'tool.returned', 'llm.responded', 'context.updated', 'nothing'),
    data: fc.oneof(
      fc.constant(Object.freeze({ content: 'c' })),
      fc.constant(Object.freeze({ tool: 't', toolCallId: '1', parameters: null })),
      jsonObject,
    ),
  }),
);

const runId = fc.constantFrom('r1', 'r2', 'r3');
const place = { runId, incarnation: fc.integer({ min: 1, max: 3 }) };
const error = fc.constant(Object.freeze({ name: 'Error', message: 'no answer' }));

const agentCommand: fc.Arbitrary<SessionCommand> = fc.oneof(
  record({
    ...{ type: fc.constant('agent.start' as const), runId, agent: word, role: fc.option(word) },
    restart: fc.constantFrom('permanent' as const, 'transient' as const, 'temporary' as const),
    ...{ timeoutMs: fc.option(span), input: json },
    budget: fc.constant(Object.freeze({ restartsWithoutProgress: 2, lifetimeRestarts: 6, tokens: 1_500 })),
  }),
  record({ type: fc.constantFrom('agent.crash' as const, 'agent.fail' as const), ...place, error }),
  record({ type: fc.constant('agent.complete' as const), ...place, result: json }),
  {
    weight: 3,
    arbitrary: record({
      ...{ type: fc.constant('agent.restart' as const), runId },
      reason: fc.constantFrom(
        'crashed' as const,
        'process' as const,
        'retried' as const,
        'waited' as const,
        'resumed' as const,
        'ended' as const,
        'woken' as const,
        'interrupted' as const,
      ),
    }),
  },
  record({ type: fc.constant('agent.stop' as const), runId, reason }),
  record({ type: fc.constant('agent.wait' as const), ...place, error, resumesAt: fc.nat() }),
  record({ type: fc.constant('agent.settle' as const), ...place }),
  record({ type: fc.constant('agent.report' as const), runId, tokens: fc.nat(1_000), cost: fc.nat(10) }),
  record({ type: fc.constant('agent.exhaust' as const), runId, error }),
  record({ type: fc.constant('agent.stopAll' as const), reason }),
  { weight: 6, arbitrary: fc.oneof(...stepCommands()) },
);

function stepCommands(): fc.Arbitrary<SessionCommand>[] {
  const step = fc.constantFrom('a', 'b', 'a/x', 'b/y');
  const own = { ...place, step };
  const time = fc.integer({ min: openedAt, max: openedAt + 20_000 });
  const deadlineAt: fc.Arbitrary<number | null> = fc.option(time);
  const effect = fc.constantFrom(undefined, true as const);
  return [
    record({ type: fc.constant('step.complete' as const), ...own, result: json, inner: effect }),
    record({ type: fc.constant('step.fail' as const), ...own, error, attempts: fc.constant(1) }),
    record({ type: fc.constant('effect.start' as const), ...own }),
    record({
      type: fc.constant('effect.judge' as const),
      ...own,
      decision: fc.constantFrom(...unknownDecisions),
    }),
    record({ type: fc.constant('timer.set' as const), ...own, dueAt: time }),
    record({ type: fc.constant('wait.start' as const), ...own, signal: word, deadlineAt }),
    record({ type: fc.constant('run.park' as const), ...place, waits: fc.constantFrom(0, 1, 2) }),
    record({ type: fc.constant('run.signal' as const), runId, name: word, payload: json }),
  ];
}

const lifecycleCommand: fc.Arbitrary<SessionCommand> = fc.oneof(
  ...[asked('pause'), asked('resume'), asked('hibernate'), asked('wake'), asked('archive'), asked('delete')],
  record({ type: fc.constant('session.create' as const), profile: profileOf(smallConfig) }),
  record({ type: fc.constant('session.terminate' as const), reason, cleanup: fc.boolean() }),
  record({
    type: fc.constant('session.restore' as const),
    data: restored,
    messages: fc.array(record({ at: fc.nat(), message: newMessage }), { maxLength: 4 }),
  }),
);

const timed = (command: fc.Arbitrary<SessionCommand>): fc.Arbitrary<readonly TimedCommand[]> =>
  fc.array(record({ afterMs: fc.integer({ min: -500, max: 2_000 }), command }), {
    maxLength: 60,
    size: 'max',
  });

/** Commands to an open session that never end it. */
export const contentCommands = timed(contentCommand);

/** A rollback brings the state that {@link SessionLife} had at the version. */
const checkpointCommand: fc.Arbitrary<SessionCommand> = fc.oneof(
  record({
    ...{ type: fc.constant('checkpoint.create' as const), name: fc.option(named), metadata: jsonObject },
    ...{ reason: fc.constantFrom('manual' as const, 'shutdown' as const), description: fc.option(text) },
  }),
  record({
    type: fc.constant('checkpoint.delete' as const),
    checkpointId: fc.integer({ min: 1, max: 40 }).map((at) => `c${at}`),
  }),
  record({
    ...{ type: fc.constant('session.rollback' as const), to: fc.integer({ min: 1, max: 60 }), reason },
    ...{ state: fc.constant(''), stateHash: fc.constant(''), checkpointId: fc.constant(null) },
    ignoredMismatch: fc.constant(null),
  }),
);

/** A command of any type. */
export const anyCommand = fc.oneof(
  { weight: 6, arbitrary: contentCommand },
  { weight: 2, arbitrary: lifecycleCommand },
  { weight: 1, arbitrary: agentCommand },
  { weight: 1, arbitrary: checkpointCommand },
);

/** Commands of every type. */
export const anyCommands = timed(anyCommand);

/** A life that begins with `profile` and goes through the commands; also tells what time it is at its end. */
export function live(
  profile: SessionProfile,
  commands: readonly TimedCommand[],
  law?: SessionLaw,
): { readonly life: SessionLife; readonly now: number } {
  const life = new SessionLife(law === undefined ? {} : { law });
  life.send({ type: 'session.create', profile }, openedAt);
  let now = openedAt;
  for (const { afterMs, command } of commands) {
    now += afterMs;
    life.send(command, now);
  }
  return { life, now };
}
