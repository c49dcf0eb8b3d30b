// Random lives of a task that is offered, taken, declined and withdrawn, beside a plain count of who has it.
import { equal } from 'node:assert/strict';
import fc from 'fast-check';
import type { TaskCommand } from '../../src/domain/task/task-commands.ts';
import { tasksLaw } from '../../src/domain/task/task-law.ts';
import { create, newTask, TaskLife } from './task-life.ts';

type Move = 'offer' | 'take' | 'decline' | 'withdraw' | 'write';
type Step = readonly [Move | 'wait', number];

export const offerSteps: fc.Arbitrary<readonly Step[]> = fc.array(
  fc.oneof(
    fc.tuple(
      fc.constantFrom<Move>('offer', 'take', 'decline', 'withdraw', 'write'),
      fc.integer({ min: 1, max: 4 }),
    ),
    fc.tuple(fc.constant('wait' as const), fc.constantFrom(1, 5, 9)),
  ),
  { maxLength: 20, size: 'max' },
);

/** Throws where they come to different things. */
export function liveOffers(steps: readonly Step[]): void {
  const life = new TaskLife();
  life.send(create(newTask('t')), 0);
  life.send({ type: 'task.start', taskId: 't', owner: 'anna', leaseMs: null }, 0);
  const model = { now: 0, epoch: 1, offerUntil: null as number | null };
  for (const [what, n] of steps) {
    if (what === 'wait') model.now += n;
    if (model.offerUntil !== null && model.offerUntil <= model.now) model.offerUntil = null;
    if (what === 'wait') continue;
    const granted = typeof life.send(commandOf(what, n), model.now) !== 'string';
    const isOpen = model.offerUntil !== null;
    if (what === 'offer') equal(granted, n === model.epoch && !isOpen);
    if (what === 'take' || what === 'decline') equal(granted, isOpen);
    if (what === 'withdraw' || what === 'write') equal(granted, n === model.epoch);
    if (granted && what === 'offer') model.offerUntil = model.now + 10;
    if (granted && what !== 'offer' && what !== 'write') model.offerUntil = null;
    if (granted && what === 'take') model.epoch += 1;
    const { epoch, status } = life.state.tasks.get('t') ?? {};
    equal(`${status} ${epoch}`, `in_progress ${model.epoch}`);
  }
  const replayed = life.events.reduce(
    (state, event) => tasksLaw.evolve(state, event) ?? state,
    tasksLaw.initial('tasks/a'),
  );
  equal(tasksLaw.encode(replayed), tasksLaw.encode(life.state));
}

function commandOf(what: Move, epoch: number): TaskCommand {
  const taskId = 't';
  const contents = { summary: 's', resumePoint: null, nextActions: [], preservedState: null };
  switch (what) {
    case 'offer':
      return {
        type: 'task.offer',
        taskId,
        epoch,
        to: 'bert',
        deadlineMs: 10,
        reason: null,
        package: contents,
      };
    case 'take':
      return { type: 'task.take', taskId, by: 'bert', leaseMs: 1_000_000 };
    case 'decline':
      return { type: 'task.decline', taskId, by: 'bert', reason: 'busy' };
    case 'withdraw':
      return { type: 'task.withdraw', taskId, epoch, reason: 'changed' };
    case 'write':
      return { type: 'task.progress', taskId, epoch, progress: null, leaseMs: null };
  }
}
