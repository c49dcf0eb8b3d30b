// Every command in every state, as one table: what it leads to, or with which code it is refused and changes nothing.
import { describe, expect, test } from 'vitest';
import { packageOf } from '../../src/domain/handoff/handoff-package.ts';
import type { SessionCommand, SessionCommandType } from '../../src/domain/session/session-commands.ts';
import { sessionLaw } from '../../src/domain/session/session-law.ts';
import { deserializeSession, serializeSession } from '../../src/operations/session-record.ts';
import { offer, receive } from '../support/handoff-life.ts';
import type { SessionLife } from '../support/session-life.ts';
import {
  checkpoint,
  lives,
  message,
  openedAt,
  opening,
  reason,
  type StateName,
  startOf,
  stateNames,
} from '../support/session-states.ts';

/**
 * A status is what an accepted command leads to; `-` is accepted and changes nothing, because all that was asked for is
 * already so. In capitals stands the code of a refusal: NONE for SESSION_NOT_FOUND, TAKEN for SESSION_EXISTS, CONTENT
 * for SESSION_NOT_ACTIVE, EDGE for INVALID_TRANSITION, STALE for STALE_INCARNATION, NORUN for AGENT_NOT_FOUND, NOPOINT for
 * CHECKPOINT_NOT_FOUND: no agent runs in these sessions, and no checkpoint has that id; NOOFFER for
 * HANDOFF_NOT_FOUND: nothing was ever offered.
 */
const table = `
                          | initializing | active      | idle        | paused      | dormant     | dormantPaused | terminating | terminated | archived | deleted
session.create            | active       | TAKEN       | TAKEN       | TAKEN       | TAKEN       | TAKEN         | TAKEN       | TAKEN      | TAKEN    | TAKEN
session.create, failing   | terminated   | TAKEN       | TAKEN       | TAKEN       | TAKEN       | TAKEN         | TAKEN       | TAKEN      | TAKEN    | TAKEN
session.restore           | active       | active      | active      | active      | active      | active        | EDGE        | active     | active   | active
session.terminate         | NONE         | terminating | terminating | terminating | terminating | terminating   | -           | -          | -        | -
session.finishTermination | NONE         | -           | -           | -           | -           | -             | terminated  | -          | -        | -
session.expire            | NONE         | terminating | terminating | terminating | terminating | terminating   | EDGE        | EDGE       | EDGE     | NONE
session.noteAnswer        | NONE         | -           | -           | -           | -           | -             | -           | -          | -        | NONE
session.fallQuiet idle    | NONE         | idle        | EDGE        | EDGE        | EDGE        | EDGE          | EDGE        | EDGE       | EDGE     | NONE
session.fallQuiet dormant | NONE         | dormant     | dormant     | EDGE        | EDGE        | EDGE          | EDGE        | EDGE       | EDGE     | NONE
session.pause             | NONE         | paused      | paused      | -           | EDGE        | paused        | EDGE        | EDGE       | EDGE     | NONE
session.resume            | NONE         | -           | active      | active      | active      | active        | EDGE        | EDGE       | EDGE     | NONE
session.hibernate         | NONE         | dormant     | dormant     | dormant     | -           | -             | EDGE        | EDGE       | EDGE     | NONE
session.wake              | NONE         | -           | active      | EDGE        | active      | paused        | EDGE        | EDGE       | EDGE     | NONE
session.archive           | NONE         | EDGE        | EDGE        | EDGE        | EDGE        | EDGE          | EDGE        | archived   | -        | NONE
session.delete            | NONE         | EDGE        | EDGE        | EDGE        | EDGE        | EDGE          | EDGE        | deleted    | deleted  | -
session.configure         | NONE         | active      | active      | CONTENT     | active      | CONTENT       | CONTENT     | CONTENT    | CONTENT  | NONE
message.send              | NONE         | active      | active      | CONTENT     | active      | CONTENT       | CONTENT     | CONTENT    | CONTENT  | NONE
message.pin               | NONE         | active      | active      | CONTENT     | active      | CONTENT       | CONTENT     | CONTENT    | CONTENT  | NONE
message.unpin             | NONE         | -           | -           | CONTENT     | -           | CONTENT       | CONTENT     | CONTENT    | CONTENT  | NONE
conversation.clear        | NONE         | active      | active      | CONTENT     | active      | CONTENT       | CONTENT     | CONTENT    | CONTENT  | NONE
file.add                  | NONE         | active      | active      | CONTENT     | active      | CONTENT       | CONTENT     | CONTENT    | CONTENT  | NONE
file.add, known           | NONE         | -           | -           | CONTENT     | -           | CONTENT       | CONTENT     | CONTENT    | CONTENT  | NONE
file.remove               | NONE         | active      | active      | CONTENT     | active      | CONTENT       | CONTENT     | CONTENT    | CONTENT  | NONE
file.index                | NONE         | active      | active      | CONTENT     | active      | CONTENT       | CONTENT     | CONTENT    | CONTENT  | NONE
memory.set                | NONE         | active      | active      | CONTENT     | active      | CONTENT       | CONTENT     | CONTENT    | CONTENT  | NONE
memory.delete             | NONE         | active      | active      | CONTENT     | active      | CONTENT       | CONTENT     | CONTENT    | CONTENT  | NONE
event.publish             | NONE         | active      | active      | CONTENT     | active      | CONTENT       | CONTENT     | CONTENT    | CONTENT  | NONE
session.merge             | NONE         | active      | active      | CONTENT     | active      | CONTENT       | CONTENT     | CONTENT    | CONTENT  | NONE
session.recover           | NONE         | active      | active      | active      | active      | active        | active      | active     | active   | NONE
agent.start               | NONE         | active      | active      | CONTENT     | active      | CONTENT       | CONTENT     | CONTENT    | CONTENT  | NONE
agent.crash               | NONE         | STALE       | STALE       | STALE       | STALE       | STALE         | STALE       | STALE      | STALE    | NONE
agent.complete            | NONE         | STALE       | STALE       | STALE       | STALE       | STALE         | STALE       | STALE      | STALE    | NONE
agent.fail                | NONE         | STALE       | STALE       | STALE       | STALE       | STALE         | STALE       | STALE      | STALE    | NONE
agent.restart             | NONE         | STALE       | STALE       | STALE       | STALE       | STALE         | STALE       | STALE      | STALE    | NONE
agent.wait                | NONE         | STALE       | STALE       | STALE       | STALE       | STALE       | STALE         | STALE       | STALE      | NONE
agent.settle              | NONE         | STALE       | STALE       | STALE       | STALE       | STALE       | STALE         | STALE       | STALE      | NONE
agent.report              | NONE         | NORUN       | NORUN       | NORUN       | NORUN       | NORUN       | NORUN         | NORUN       | NORUN      | NONE
agent.exhaust             | NONE         | -           | -           | -           | -           | -           | -             | -           | -          | NONE
agent.stop                | NONE         | NORUN       | NORUN       | NORUN       | NORUN       | NORUN         | NORUN       | NORUN      | NORUN    | NONE
agent.stopAll             | NONE         | -           | -           | -           | -           | -             | -           | -          | -        | NONE
step.complete             | NONE         | STALE       | STALE       | STALE       | STALE       | STALE         | STALE       | STALE      | STALE    | NONE
step.fail                 | NONE         | STALE       | STALE       | STALE       | STALE       | STALE         | STALE       | STALE      | STALE    | NONE
effect.start              | NONE         | STALE       | STALE       | STALE       | STALE       | STALE         | STALE       | STALE      | STALE    | NONE
effect.judge              | NONE         | STALE       | STALE       | STALE       | STALE       | STALE         | STALE       | STALE      | STALE    | NONE
timer.set                 | NONE         | STALE       | STALE       | STALE       | STALE       | STALE         | STALE       | STALE      | STALE    | NONE
wait.start                | NONE         | STALE       | STALE       | STALE       | STALE       | STALE         | STALE       | STALE      | STALE    | NONE
run.park                  | NONE         | STALE       | STALE       | STALE       | STALE       | STALE         | STALE       | STALE      | STALE    | NONE
timer.fire                | NONE         | -           | -           | -           | -           | -             | -           | -          | -        | NONE
wait.expire               | NONE         | -           | -           | -           | -           | -             | -           | -          | -        | NONE
run.signal                | NONE         | NORUN       | NORUN       | NORUN       | NORUN       | NORUN         | NORUN       | NORUN      | NORUN    | NONE
checkpoint.create         | NONE         | active      | idle        | paused      | dormant     | dormant       | CONTENT     | CONTENT    | CONTENT  | NONE
checkpoint.create, unasked | NONE        | -           | -           | -           | -           | -             | CONTENT     | CONTENT    | CONTENT  | NONE
checkpoint.delete         | NONE         | NOPOINT     | NOPOINT     | NOPOINT     | NOPOINT     | NOPOINT       | CONTENT     | CONTENT    | CONTENT  | NONE
session.rollback          | NONE         | active      | active      | active      | active      | active        | EDGE        | EDGE       | EDGE     | NONE
handoff.offer             | NONE         | active      | active      | CONTENT     | active      | CONTENT       | CONTENT     | CONTENT    | CONTENT  | NONE
handoff.accept            | NONE         | NOOFFER     | NOOFFER     | NOOFFER     | NOOFFER     | NOOFFER       | NOOFFER     | NOOFFER    | NOOFFER  | NONE
handoff.reject            | NONE         | NOOFFER     | NOOFFER     | NOOFFER     | NOOFFER     | NOOFFER       | NOOFFER     | NOOFFER    | NOOFFER  | NONE
handoff.withdraw          | NONE         | NOOFFER     | NOOFFER     | NOOFFER     | NOOFFER     | NOOFFER       | NOOFFER     | NOOFFER    | NOOFFER  | NONE
handoff.expire            | NONE         | -           | -           | -           | -           | -             | -           | -          | -        | NONE
handoff.complete          | NONE         | NOOFFER     | NOOFFER     | NOOFFER     | NOOFFER     | NOOFFER       | NOOFFER     | NOOFFER    | NOOFFER  | NONE
handoff.deliver           | NONE         | NOOFFER     | NOOFFER     | NOOFFER     | NOOFFER     | NOOFFER       | NOOFFER     | NOOFFER    | NOOFFER  | NONE
handoff.return            | NONE         | NOOFFER     | NOOFFER     | NOOFFER     | NOOFFER     | NOOFFER       | NOOFFER     | NOOFFER    | NOOFFER  | NONE
handoff.receive           | NONE         | active      | active      | CONTENT     | active      | CONTENT       | CONTENT     | CONTENT    | CONTENT  | NONE
`;

const codes: Readonly<Record<string, string>> = {
  ...{ NONE: 'SESSION_NOT_FOUND', TAKEN: 'SESSION_EXISTS' },
  ...{ CONTENT: 'SESSION_NOT_ACTIVE', EDGE: 'INVALID_TRANSITION' },
  ...{ STALE: 'STALE_INCARNATION', NORUN: 'AGENT_NOT_FOUND', NOPOINT: 'CHECKPOINT_NOT_FOUND' },
  NOOFFER: 'HANDOFF_NOT_FOUND',
};

const saved = lives.active();

const answer = { handoffId: 's1/9', by: 'desk', agent: null } as const;

const handoffCommands: Readonly<Record<string, SessionCommand>> = {
  'handoff.offer': offer({}),
  'handoff.accept': { type: 'handoff.accept', ...answer },
  'handoff.reject': { type: 'handoff.reject', ...answer, reason },
  'handoff.withdraw': { type: 'handoff.withdraw', handoffId: 's1/9', reason },
  'handoff.expire': { type: 'handoff.expire' },
  'handoff.complete': { type: 'handoff.complete', ...answer, outcome: 'success', reason, result: null },
  'handoff.deliver': { type: 'handoff.deliver', handoffId: 's1/9' },
  'handoff.return': { type: 'handoff.return', handoffId: 's1/9', reason },
  'handoff.receive': receive(packageOf(saved.state, saved.seq, {})),
};

const ofRun = { runId: 'r1', incarnation: 1, step: 'a' } as const;

const commands: Readonly<Record<string, SessionCommand>> = {
  'session.create': opening(),
  'session.create, failing': { ...opening(), startError: 'no model' } as SessionCommand,
  'session.restore': deserializeSession(serializeSession(saved.state, saved.messages(), openedAt, saved.seq)),
  'session.terminate': { type: 'session.terminate', reason, cleanup: false },
  'session.finishTermination': { type: 'session.finishTermination' },
  'session.expire': { type: 'session.expire' },
  'session.noteAnswer': { type: 'session.noteAnswer', reply: { erased: 0 } },
  'session.fallQuiet idle': { type: 'session.fallQuiet', to: 'idle', at: openedAt },
  'session.fallQuiet dormant': { type: 'session.fallQuiet', to: 'dormant', at: openedAt },
  'session.pause': { type: 'session.pause', reason },
  'session.resume': { type: 'session.resume', reason },
  'session.hibernate': { type: 'session.hibernate', reason },
  'session.wake': { type: 'session.wake', reason },
  'session.archive': { type: 'session.archive', reason },
  'session.delete': { type: 'session.delete', reason },
  'session.configure': { type: 'session.configure', changes: { name: 'beta' } },
  'message.send': message('again'),
  'message.pin': { type: 'message.pin', seq: 3 },
  'message.unpin': { type: 'message.unpin', seq: 3 },
  'conversation.clear': { type: 'conversation.clear' },
  'file.add': { type: 'file.add', path: 'b.ts' },
  'file.add, known': { type: 'file.add', path: 'a.ts' },
  'file.remove': { type: 'file.remove', path: 'a.ts' },
  'file.index': { type: 'file.index', path: 'a.ts', metadata: { lines: 1 } },
  'memory.set': { type: 'memory.set', key: 'next', value: 1 },
  'memory.delete': { type: 'memory.delete', key: 'goal' },
  'event.publish': { type: 'event.publish', event: 'context.updated', data: {} },
  'session.merge': {
    type: 'session.merge',
    ...{ from: { sessionId: 'branch', through: 9, chain: '' }, ancestor: { sessionId: 's1', version: 2 } },
    ...{ policy: 'keep', parts: ['context'], before: { messages: 0, tasks: 0 }, taken: [], messages: [] },
    ...{ files: [], index: [], context: [{ key: 'found', base: undefined, theirs: 1, seq: 9 }] },
  },
  'session.recover': {
    type: 'session.recover',
    data: {
      ...{ from: 'active', to: 'active', completeness: 'partial', tier: 'cold', recoveryId: '1-1' },
      ...{ through: saved.seq, dropped: [], summary: {}, state: sessionLaw.encode(saved.state) },
    },
  },
  'agent.start': startOf('r1'),
  'agent.crash': { type: 'agent.crash', runId: 'r1', incarnation: 1, error: { name: 'Error', message: 'm' } },
  'agent.complete': { type: 'agent.complete', runId: 'r1', incarnation: 1, result: null },
  'agent.fail': { type: 'agent.fail', runId: 'r1', incarnation: 1, error: { name: 'Error', message: 'm' } },
  'agent.restart': { type: 'agent.restart', runId: 'r1', reason: 'resumed' },
  'agent.wait': {
    ...{ type: 'agent.wait', runId: 'r1', incarnation: 1, resumesAt: 1 },
    error: { name: 'Error', message: 'm' },
  },
  'agent.settle': { type: 'agent.settle', runId: 'r1', incarnation: 1 },
  'agent.report': { type: 'agent.report', runId: 'r1', tokens: 1, cost: 1 },
  'agent.exhaust': { type: 'agent.exhaust', runId: 'r1', error: { name: 'Error', message: 'm' } },
  'agent.stop': { type: 'agent.stop', runId: 'r1', reason },
  'agent.stopAll': { type: 'agent.stopAll', reason },
  'step.complete': { type: 'step.complete', ...ofRun, result: 1 },
  'step.fail': { type: 'step.fail', ...ofRun, error: { name: 'Error', message: 'm' }, attempts: 1 },
  'effect.start': { type: 'effect.start', ...ofRun },
  'effect.judge': { type: 'effect.judge', ...ofRun, decision: 'failed' },
  'timer.set': { type: 'timer.set', ...ofRun, dueAt: 1 },
  'wait.start': { type: 'wait.start', ...ofRun, signal: 'a', deadlineAt: null },
  'run.park': { type: 'run.park', runId: 'r1', incarnation: 1, waits: 0 },
  'timer.fire': { type: 'timer.fire', runId: 'r1', step: 'a', dueAt: 1, lateMs: 0 },
  'wait.expire': { type: 'wait.expire', runId: 'r1', step: 'a', signal: 'a', deadlineAt: 1, lateMs: 0 },
  'run.signal': { type: 'run.signal', runId: 'r1', name: 'a', payload: null },
  'checkpoint.create': checkpoint('manual'),
  'checkpoint.create, unasked': checkpoint('shutdown'),
  'checkpoint.delete': { type: 'checkpoint.delete', checkpointId: 'none' },
  'session.rollback': saved.rollbackTo(4),
  ...handoffCommands,
};

/** All that there are; a command that is added fails to compile here until it stands in the table. */
const everyType: Readonly<Record<SessionCommandType, true>> = {
  ...{ 'session.create': true, 'session.restore': true, 'session.recover': true, 'session.terminate': true },
  ...{ 'session.merge': true },
  ...{
    'session.noteAnswer': true,
    'session.finishTermination': true,
    'session.expire': true,
    'session.fallQuiet': true,
  },
  ...{ 'session.pause': true, 'session.resume': true, 'session.hibernate': true, 'session.wake': true },
  ...{ 'session.archive': true, 'session.delete': true, 'session.configure': true, 'message.send': true },
  ...{ 'message.pin': true, 'message.unpin': true, 'conversation.clear': true, 'file.add': true },
  ...{ 'file.remove': true, 'file.index': true, 'memory.set': true, 'memory.delete': true },
  ...{ 'event.publish': true, 'agent.start': true, 'agent.crash': true, 'agent.complete': true },
  ...{ 'agent.wait': true, 'agent.settle': true, 'agent.report': true, 'agent.exhaust': true },
  ...{ 'agent.fail': true, 'agent.restart': true, 'agent.stop': true, 'agent.stopAll': true },
  ...{ 'step.complete': true, 'step.fail': true, 'effect.start': true, 'effect.judge': true },
  ...{ 'timer.set': true, 'timer.fire': true, 'wait.start': true, 'wait.expire': true },
  ...{ 'run.park': true, 'run.signal': true },
  ...{ 'handoff.offer': true, 'handoff.accept': true, 'handoff.reject': true, 'handoff.withdraw': true },
  ...{ 'handoff.expire': true, 'handoff.complete': true, 'handoff.deliver': true, 'handoff.return': true },
  'handoff.receive': true,
  ...{ 'checkpoint.create': true, 'checkpoint.delete': true, 'session.rollback': true },
};

const [header = '', ...lines] = table.trim().split('\n');
const columns = header
  .split('|')
  .slice(1)
  .map((name) => name.trim()) as StateName[];
const rows = lines.map((line) => line.split('|').map((cell) => cell.trim()));
const cells = rows.flatMap(([name = '', ...expected]) =>
  columns.map((state, i) => ({ name, state, expected: expected[i] ?? '' })),
);

/** The command alone, without the deadlines that a life carries out before it. */
function decide(life: SessionLife, command: SessionCommand): ReturnType<SessionLife['send']> {
  return life.decide(command, openedAt + 1);
}

describe('the table of commands', () => {
  test('has every command and every state', () => {
    expect(columns).toEqual(stateNames);
    expect(rows.map(([name]) => name)).toEqual(Object.keys(commands));
    const types = Object.values(commands).map(({ type }) => type);
    expect(new Set(types)).toEqual(new Set(Object.keys(everyType)));
  });

  test.each(cells)('$name when $state: $expected', ({ name, state, expected }) => {
    const life = lives[state]();
    const [before, seq] = [life.state, life.seq];
    const command = commands[name];
    if (command === undefined) throw new Error(`There is no command ${name}`);
    const outcome = decide(life, command);
    const code = codes[expected];
    if (code !== undefined) {
      expect(outcome).toMatchObject({ refusal: { code, details: { sessionId: 's1' } } });
    } else if (expected === '-') {
      expect(outcome).toMatchObject({ events: [] });
    } else {
      expect(outcome).not.toHaveProperty('refusal');
      expect(life.seq).toBeGreaterThan(seq);
      expect(life.status).toBe(expected);
      return;
    }
    expect(life.state).toBe(before);
    expect(life.seq).toBe(seq);
  });

  test.each(cells.filter(({ expected }) => expected === 'EDGE'))(
    '$name when $state is refused with the edge that was asked for',
    ({ name, state }) => {
      const life = lives[state]();
      const command = commands[name];
      if (command === undefined) throw new Error(`There is no command ${name}`);
      const from = life.status;
      const to = expect.stringMatching(/^(active|idle|paused|dormant|terminating|archived|deleted)$/);
      expect(decide(life, command)).toEqual({
        refusal: {
          code: 'INVALID_TRANSITION',
          details: { sessionId: 's1', from, to, hint: expect.any(String) },
        },
      });
    },
  );
});
