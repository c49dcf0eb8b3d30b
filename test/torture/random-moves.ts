// Random commands to a session: of every type, mostly lawful where it stands, at times that move on, leap over deadlines and
// sometimes run backwards. The names are few and the limits small, so that commands meet each other.
import { sha256 } from '../../src/base/hash.ts';
import { type Json, plainJson } from '../../src/base/json.ts';
import { type AgentPlace, openRuns, restartTypes, workOf } from '../../src/domain/agent/agent-runs.ts';
import { unknownDecisions } from '../../src/domain/agent/agent-step-events.ts';
import { waitsOf } from '../../src/domain/agent/run-work.ts';
import type {
  MergedValue,
  NewMessage,
  RestoreSession,
  SessionCommand,
  SessionCommandType,
} from '../../src/domain/session/session-commands.ts';
import {
  checkpointOccasions,
  defaultSessionConfig,
  type SessionConfig,
} from '../../src/domain/session/session-config.ts';
import { nextDeadlineOf } from '../../src/domain/session/session-deadlines.ts';
import { messageRoles, type SessionProfile } from '../../src/domain/session/session-events.ts';
import { sessionLaw } from '../../src/domain/session/session-law.ts';
import type { SessionStatus } from '../../src/domain/session/session-lifecycle.ts';
import { type SessionState, statusOf } from '../../src/domain/session/session-state.ts';
import { handoffMakers } from './handoff-moves.ts';

export type Random = () => number;

/** Where a session stands when the next command is chosen. */
export interface Moment {
  readonly state: SessionState;
  readonly seq: number;
  readonly now: number;
  /** What was last saved of it. */
  readonly saved: RestoreSession | undefined;
  /** A version that it had, with the state that it was in. */
  readonly earlier: { readonly seq: number; readonly state: SessionState };
}

/** A payload of more bytes than this is refused. */
export const payloadBytes = 8_192;

const frozen = (text: string): Json => plainJson(JSON.parse(text));
const words = ['a', 'b', 'c', 'd', '__proto__', 'constructor', '10', '9'];
const texts = ['', ' ', 'hello', 'ä\u2028\ud800日本🙂', '\u0000"\\', 'x'.repeat(300), 'long '.repeat(100)];
const values: readonly Json[] = [
  ...[null, '', 0, -1.5, 1e300, true, 'text', 'ä'.repeat(90)],
  ...['[]', '{}', '[[],{}]', '{"__proto__":{"a":1},"constructor":[null]}', '{"2":1,"10":2,"b":3}'].map(
    frozen,
  ),
];

const pick = <T>(random: Random, items: readonly T[]): T => items[Math.floor(random() * items.length)] as T;
const between = (random: Random, min: number, max: number): number =>
  min + Math.floor(random() * (max - min + 1));
const chance = (random: Random, part: number): boolean => random() < part;
const maybe = <T>(random: Random, part: number, value: () => T): T | null =>
  chance(random, part) ? value() : null;

function randomObject(random: Random): { readonly [key: string]: Json } {
  const members = Array.from({ length: between(random, 0, 3) }, () => [
    pick(random, words),
    pick(random, values),
  ]);
  return plainJson(Object.fromEntries(members)) as { readonly [key: string]: Json };
}

function randomConfig(random: Random, now: number): Partial<SessionConfig> {
  return {
    idleAfterMs: maybe(random, 0.8, () => between(random, 500, 3_000)),
    dormantAfterMs: maybe(random, 0.8, () => between(random, 500, 6_000)),
    endAfterQuietMs: maybe(random, 0.15, () => between(random, 4_000, 20_000)),
    endAfterMs: maybe(random, 0.1, () => between(random, 4_000, 60_000)),
    expiresAt: maybe(random, 0.1, () => now + between(random, 4_000, 60_000)),
    messageWindow: between(random, 1, 6),
    messageWindowBytes: between(random, 1, 2_000),
    maxFiles: between(random, 1, 4),
    maxIndexedFiles: between(random, 1, 4),
    maxMemoryKeys: between(random, 1, 4),
    maxMemoryBytes: between(random, 40, 800),
    checkpointEveryEvents: maybe(random, 0.7, () => between(random, 1, 40)),
    checkpointEveryMs: chance(random, 0.2) ? 'adaptive' : maybe(random, 0.3, () => between(random, 1, 3_000)),
    checkpointOn: Object.freeze(checkpointOccasions.filter(() => chance(random, 0.6))),
    checkpointsKept: between(random, 1, 6),
  };
}

function randomProfile(random: Random, now: number): SessionProfile {
  return Object.freeze({
    name: maybe(random, 0.5, () => pick(random, words)),
    agent: maybe(random, 0.5, () => pick(random, words)),
    metadata: randomObject(random),
    llmConfig: randomObject(random),
    config: Object.freeze({ ...defaultSessionConfig, ...randomConfig(random, now) }),
    parentSessionId: maybe(random, 0.2, () => 'p1'),
  });
}

function randomMessage(random: Random): NewMessage {
  const content = (): NewMessage['content'] => {
    if (chance(random, 0.004)) return 'x'.repeat(payloadBytes);
    if (chance(random, 0.1)) return null;
    return chance(random, 0.15)
      ? Object.freeze([pick(random, values), randomObject(random)])
      : pick(random, texts);
  };
  return Object.freeze({
    role: pick(random, messageRoles),
    content: content(),
    ...(chance(random, 0.2) && { toolCalls: Object.freeze([pick(random, values)]) }),
    ...(chance(random, 0.2) && { toolCallId: pick(random, words) }),
    ...(chance(random, 0.2) && { name: pick(random, words) }),
    ...(chance(random, 0.2) && { metadata: pick(random, values) }),
    ...(chance(random, 0.2) && { pinned: chance(random, 0.7) }),
    ...(chance(random, 0.2) && { processingMs: between(random, 0, 9) }),
  });
}

const published: readonly (readonly [event: string, data: { readonly [key: string]: Json }])[] = [
  ['llm.responded', { content: 'x', model: 'm' }],
  ['analysis.completed', { filesAnalyzed: 2, issuesFound: 0, results: [1] }],
  ['issue.found', { severity: 'low', message: 'x', line: 3 }],
  ['tool.called', { tool: 'grep', toolCallId: 't1', parameters: { q: 'x' }, processingMs: 4 }],
  ['tool.returned', { tool: 'grep', toolCallId: 't1', status: 'ok', result: null }],
  ['context.updated', { filesChanged: ['a'] }],
  ['llm.chunkStreamed', { content: 'x' }],
  ['nothing.known', {}],
  ['tool.called', { tool: 'grep' }],
  ['issue.found', { severity: 'low', message: 7 }],
  ['context.updated', { constructor: 'x' }],
];

/** Whoever recovers a session decides on the state that he brings along: that is no random move. */
type MadeType = Exclude<SessionCommandType, 'session.recover'>;

type Makers = { readonly [T in MadeType]: (random: Random, moment: Moment) => SessionCommand };

const reasons = ['requested', 'quiet', 'ä'];
const asked =
  (
    type:
      | 'session.pause'
      | 'session.resume'
      | 'session.hibernate'
      | 'session.wake'
      | 'session.archive'
      | 'session.delete',
  ) =>
  (random: Random): SessionCommand => ({ type, reason: pick(random, reasons) });

const stepNames = ['a', 'b', 'c', 'a/x', 'a/y', 'b/x'];
const signals = ['go', 'stop'];
const stepOf = (random: Random): string => pick(random, stepNames);

type Open = 'timers' | 'waits' | 'effects';

/** A step of this kind that is open in any run, with its run; or one that is likely not. */
function openStep(random: Random, moment: Moment, kind: Open): AgentPlace & { readonly step: string } {
  const { agents } = moment.state;
  const open = openRuns(agents).flatMap(({ runId, incarnation }) =>
    workOf(agents, runId)[kind].map(({ step }) => ({ runId, incarnation, step })),
  );
  if (open.length > 0 && chance(random, 0.8)) return pick(random, open);
  return { ...likelyRun(random, moment), step: stepOf(random) };
}

const stepMakers = {
  'step.complete': (random: Random, moment: Moment): SessionCommand => ({
    ...{ type: 'step.complete', ...likelyRun(random, moment), step: stepOf(random) },
    ...(chance(random, 0.8) && { result: pick(random, values) }),
    ...(chance(random, 0.4) && { inner: true as const }),
  }),
  'step.fail': (random: Random, moment: Moment): SessionCommand => ({
    ...{ type: 'step.fail', ...likelyRun(random, moment), step: stepOf(random), error: failure, attempts: 1 },
  }),
  'effect.start': (random: Random, moment: Moment): SessionCommand => ({
    ...{ type: 'effect.start', ...likelyRun(random, moment), step: stepOf(random) },
  }),
  'effect.judge': (random: Random, moment: Moment): SessionCommand => ({
    ...{ type: 'effect.judge', ...openStep(random, moment, 'effects') },
    decision: pick(random, unknownDecisions),
  }),
  'timer.set': (random: Random, moment: Moment): SessionCommand => ({
    ...{ type: 'timer.set', ...likelyRun(random, moment), step: stepOf(random) },
    dueAt: moment.now + between(random, 0, 2_000),
  }),
  'wait.start': (random: Random, moment: Moment): SessionCommand => ({
    ...{
      type: 'wait.start',
      ...likelyRun(random, moment),
      step: stepOf(random),
      signal: pick(random, signals),
    },
    deadlineAt: maybe(random, 0.5, () => moment.now + between(random, 0, 2_000)),
  }),
  'run.park': (random: Random, moment: Moment): SessionCommand => {
    const run = likelyRun(random, moment);
    return { type: 'run.park', ...run, waits: waitsOf(workOf(moment.state.agents, run.runId)) };
  },
  'timer.fire': (random: Random, moment: Moment): SessionCommand => {
    const { runId, step } = openStep(random, moment, 'timers');
    return { type: 'timer.fire', runId, step, dueAt: moment.now, lateMs: 0 };
  },
  'wait.expire': (random: Random, moment: Moment): SessionCommand => {
    const { runId, step } = openStep(random, moment, 'waits');
    return { type: 'wait.expire', runId, step, signal: 'a', deadlineAt: moment.now, lateMs: 0 };
  },
  'run.signal': (random: Random, moment: Moment): SessionCommand => ({
    ...{ type: 'run.signal', name: pick(random, signals), payload: pick(random, values) },
    ...(chance(random, 0.8) && { runId: likelyRun(random, moment).runId }),
  }),
};

const mergedValue = (random: Random, seq: number, theirs: Json | undefined): MergedValue => ({
  key: pick(random, words),
  base: chance(random, 0.5) ? pick(random, values) : undefined,
  theirs,
  seq,
});

const makers: Makers = {
  ...handoffMakers,
  'session.create': (random, { now }) => ({
    type: 'session.create',
    profile: randomProfile(random, now),
    ...(chance(random, 0.1) && { startError: 'no model' }),
  }),
  'session.restore': (random, { saved, now }) => saved ?? emptyRecord(random, now),
  'session.terminate': (random) => ({
    type: 'session.terminate',
    reason: pick(random, reasons),
    cleanup: chance(random, 0.3),
  }),
  'session.finishTermination': () => ({ type: 'session.finishTermination' }),
  'session.noteAnswer': () => ({ type: 'session.noteAnswer', reply: { erased: 0 } }),
  'session.expire': () => ({ type: 'session.expire' }),
  'session.fallQuiet': (random, { now }) => ({
    type: 'session.fallQuiet',
    to: pick(random, ['idle', 'dormant']),
    at: now,
  }),
  'session.pause': asked('session.pause'),
  'session.resume': asked('session.resume'),
  'session.hibernate': asked('session.hibernate'),
  'session.wake': asked('session.wake'),
  'session.archive': asked('session.archive'),
  'session.delete': asked('session.delete'),
  'session.configure': (random, { now }) => ({
    type: 'session.configure',
    changes: chance(random, 0.5) ? { name: pick(random, words), metadata: randomObject(random) } : {},
    ...(chance(random, 0.5) && { config: randomConfig(random, now) }),
  }),
  'session.merge': (random, { seq }) => ({
    type: 'session.merge',
    from: { sessionId: pick(random, ['b1', 'b2']), through: seq + between(random, 0, 9), chain: 'c' },
    ...{ ancestor: { sessionId: 's1', version: 1 }, policy: pick(random, ['keep', 'take']) },
    parts: chance(random, 0.8) ? ['messages', 'files', 'context'] : [],
    before: { messages: 0, tasks: 0 },
    taken: [{ sessionId: 'b1', from: seq, to: seq + 2 }],
    messages: chance(random, 0.5)
      ? [{ place: { sessionId: 'b1', seq }, at: 1, message: randomMessage(random) }]
      : [],
    files: [{ path: pick(random, words), seq, isThere: chance(random, 0.5) }],
    index: [mergedValue(random, seq, randomObject(random))],
    context: [mergedValue(random, seq, chance(random, 0.8) ? pick(random, values) : undefined)],
  }),
  'message.send': (random) => ({ type: 'message.send', message: randomMessage(random) }),
  'message.pin': (random, moment) => ({ type: 'message.pin', seq: likelyMessage(random, moment) }),
  'message.unpin': (random, moment) => ({ type: 'message.unpin', seq: likelyMessage(random, moment) }),
  'conversation.clear': () => ({ type: 'conversation.clear' }),
  'file.add': (random) => ({
    type: 'file.add',
    path: pick(random, words),
    ...(chance(random, 0.4) && { metadata: randomObject(random) }),
    ...(chance(random, 0.2) && { processingMs: 3 }),
  }),
  'file.remove': (random) => ({ type: 'file.remove', path: pick(random, words) }),
  'file.index': (random) => ({
    type: 'file.index',
    path: pick(random, words),
    metadata: randomObject(random),
  }),
  'memory.set': (random) => ({ type: 'memory.set', key: pick(random, words), value: pick(random, values) }),
  'memory.delete': (random) => ({ type: 'memory.delete', key: pick(random, words) }),
  'event.publish': (random) => {
    const [event, data] = pick(random, published);
    return { type: 'event.publish', event, data };
  },
  'agent.start': (random, moment) => ({
    type: 'agent.start',
    runId: chance(random, 0.9) ? `run${moment.seq}` : likelyRun(random, moment).runId,
    agent: pick(random, words),
    role: chance(random, 0.5) ? pick(random, words) : null,
    restart: pick(random, restartTypes),
    timeoutMs: chance(random, 0.5) ? null : between(random, 1, 1_000),
    input: pick(random, values),
    ...(chance(random, 0.3) && { parentRunId: likelyRun(random, moment).runId, parentStep: stepOf(random) }),
  }),
  'agent.crash': (random, moment) => ({ type: 'agent.crash', ...likelyRun(random, moment), error: failure }),
  'agent.fail': (random, moment) => ({ type: 'agent.fail', ...likelyRun(random, moment), error: failure }),
  'agent.complete': (random, moment) => ({
    type: 'agent.complete',
    ...likelyRun(random, moment),
    result: pick(random, values),
  }),
  'agent.restart': (random, moment) => ({
    type: 'agent.restart',
    runId: likelyRun(random, moment).runId,
    reason: pick(random, [
      'crashed',
      'process',
      'process',
      'retried',
      'resumed',
      'ended',
      'woken',
      'interrupted',
    ]),
  }),
  'agent.wait': (random, moment) => ({
    type: 'agent.wait',
    ...likelyRun(random, moment),
    ...{ error: failure, resumesAt: 1_000 },
  }),
  'agent.settle': (random, moment) => ({ type: 'agent.settle', ...likelyRun(random, moment) }),
  'agent.report': (random, moment) => ({
    type: 'agent.report',
    runId: likelyRun(random, moment).runId,
    ...{ tokens: 10, cost: 1 },
  }),
  'agent.exhaust': (random, moment) => ({
    type: 'agent.exhaust',
    runId: likelyRun(random, moment).runId,
    error: failure,
  }),
  'agent.stop': (random, moment) => ({
    type: 'agent.stop',
    runId: likelyRun(random, moment).runId,
    reason: pick(random, reasons),
  }),
  ...stepMakers,
  'agent.stopAll': (random) => ({ type: 'agent.stopAll', reason: pick(random, reasons) }),
  'checkpoint.create': (random) => ({
    ...{ type: 'checkpoint.create', reason: chance(random, 0.7) ? 'manual' : 'shutdown' },
    ...{ name: maybe(random, 0.5, () => pick(random, words)), description: null },
    metadata: randomObject(random),
  }),
  'checkpoint.delete': (random, { state }) => ({
    type: 'checkpoint.delete',
    checkpointId: state.checkpoints.list.at(between(random, 0, 6))?.checkpointId ?? 'none',
  }),
  'session.rollback': (random, { earlier }) => {
    const state = sessionLaw.encode(earlier.state);
    return {
      ...{ type: 'session.rollback', to: earlier.seq, state, stateHash: sha256(state) },
      ...{ checkpointId: null, reason: pick(random, reasons), ignoredMismatch: null },
    };
  },
};

/** A run that is likely open; sometimes one that is not, or never was. */
function likelyRun(random: Random, { state }: Moment): { runId: string; incarnation: number } {
  const open = openRuns(state.agents);
  const run = open.length > 0 && chance(random, 0.9) ? pick(random, open) : undefined;
  const ended = run ?? state.agents.ended.at(-1) ?? { runId: 'none', incarnation: 1 };
  return { runId: ended.runId, incarnation: chance(random, 0.9) ? ended.incarnation : between(random, 0, 3) };
}

const failure = { name: 'Error', message: 'no answer' };

export const commandTypes = Object.keys(makers) as readonly MadeType[];

function likelyMessage(random: Random, { state, seq }: Moment): number {
  const inWindow = state.conversation.window.at(between(random, 0, 6));
  return inWindow !== undefined && chance(random, 0.7) ? inWindow.seq : between(random, 1, seq + 2);
}

/** What a session that holds nothing would have been saved as. */
function emptyRecord(random: Random, now: number): RestoreSession {
  const lists = { files: [], fileIndex: [], memory: [] };
  const data = { savedAt: now, savedSeq: 0, createdAt: now, profile: randomProfile(random, now), ...lists };
  return { type: 'session.restore', data, messages: [] };
}

const contents: readonly MadeType[] = commandTypes.filter(
  (type) =>
    !/^(session|agent|step|effect|timer|wait|run|handoff)\./.test(type) || type === 'session.configure',
);
const ofAgents: readonly MadeType[] = commandTypes.filter((type) =>
  /^(agent|step|effect|timer|wait|run)\./.test(type),
);
const ofHandoffs: readonly MadeType[] = commandTypes.filter((type) => type.startsWith('handoff.'));
const times = (count: number, type: MadeType): readonly MadeType[] => Array(count).fill(type);

/** What is likely asked of a session in each status, the more often the oftener it stands here. */
const likely: Readonly<Record<SessionStatus, readonly MadeType[]>> = {
  initializing: [...times(9, 'session.create'), 'session.restore'],
  active: [
    ...[
      ...contents,
      ...contents,
      ...contents,
      ...contents,
      ...contents,
      ...times(20, 'message.send'),
      ...times(4, 'file.add'),
    ],
    ...ofAgents,
    ...times(4, 'agent.start'),
    ...[...times(2, 'effect.start'), ...times(3, 'run.signal'), ...times(3, 'wait.start'), 'run.park'],
    ...[...times(4, 'agent.settle'), ...times(3, 'agent.restart')],
    ...['session.pause', 'session.hibernate', 'session.terminate', 'session.restore', 'session.wake'],
    ...times(3, 'session.rollback'),
    ...ofHandoffs,
    ...[...times(4, 'handoff.offer'), ...times(4, 'handoff.accept'), ...times(3, 'handoff.complete')],
    ...[...times(2, 'handoff.deliver'), ...times(2, 'handoff.return')],
  ] as MadeType[],
  idle: [
    'session.rollback',
    ...contents,
    ...times(3, 'session.wake'),
    'session.resume',
    'session.pause',
    'session.hibernate',
  ],
  paused: [
    ...times(6, 'session.resume'),
    ...times(3, 'session.hibernate'),
    'session.pause',
    'session.terminate',
    'session.rollback',
    'checkpoint.create',
    'run.signal',
    ...ofHandoffs,
  ],
  dormant: [
    'session.rollback',
    ...contents,
    ...times(4, 'session.wake'),
    ...times(3, 'session.resume'),
    'session.pause',
  ],
  terminating: ['session.finishTermination', 'session.terminate'],
  terminated: [
    ...times(3, 'session.archive'),
    ...times(3, 'session.restore'),
    'session.delete',
    'session.terminate',
  ],
  archived: [...times(2, 'session.delete'), ...times(2, 'session.restore'), 'session.archive'],
  deleted: [...times(8, 'session.restore'), 'session.delete', 'session.terminate'],
};

/** A command, in most cases one that is lawful now. */
export function randomCommand(random: Random, moment: Moment): SessionCommand {
  const types = chance(random, 0.85) ? likely[statusOf(moment.state)] : commandTypes;
  return makers[pick(random, types)](random, moment);
}

/** The time of the next command. */
export function randomTime(random: Random, { state, now }: Moment): number {
  const deadline = nextDeadlineOf(state);
  if (deadline !== null && chance(random, 0.1)) return Math.max(now, deadline + between(random, -1, 1));
  if (chance(random, 0.05)) return now + between(random, 0, 10_000);
  if (chance(random, 0.01)) return now + 1_000_000;
  return chance(random, 0.06) ? now - between(random, 0, 20_000) : now + between(random, 0, 300);
}
