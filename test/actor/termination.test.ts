// The end of a child is observed, and bounded: asked first, killed after the grace, never waited for longer.
import { describe, expect, test } from 'vitest';
import type { Exit, SupervisedChild } from '../../src/actor/child-spec.ts';
import { terminate } from '../../src/actor/termination.ts';
import { manualClock } from '../../src/testing/manual-clock.ts';
import { quiet, watch } from '../support/outcome.ts';

const shutdown: Exit = { reason: 'shutdown' };

function childWith(manner: Partial<SupervisedChild>) {
  const heard: string[] = [];
  let end: (exit: Exit) => void = () => {};
  const exited = new Promise<Exit>((resolve) => {
    end = resolve;
  });
  const child: SupervisedChild = {
    exited,
    hasProgressed: () => false,
    async stop() {
      heard.push('stop');
    },
    kill() {
      heard.push('kill');
      end({ reason: 'crash', error: new Error('killed') });
    },
    ...manner,
  };
  return { child, heard, end, clock: manualClock(0) };
}

describe('a child that is asked to stop', () => {
  test('and ends within the grace has ended gracefully, at the moment in which it ends', async () => {
    const { child, heard, end, clock } = childWith({});
    const termination = terminate(child, 1_000, clock);
    const watched = watch(termination);
    await clock.advance(999);
    expect([watched.outcome, heard]).toEqual(['waiting', ['stop']]);
    end(shutdown);
    expect(await termination).toEqual({ how: 'graceful', exit: shutdown, abandoned: [] });
    expect([heard, clock.pending]).toEqual([['stop'], 0]);
  });

  test('and only says that it has, but does not end, is killed when the grace is over, and not before', async () => {
    const { child, heard, clock } = childWith({ unfinished: () => ['upload'] });
    const watched = watch(terminate(child, 1_000, clock));
    await clock.advance(999);
    expect(heard).toEqual(['stop']);
    await clock.advance(1);
    expect([watched.outcome, heard, clock.pending]).toEqual(['answered', ['stop', 'kill'], 0]);
  });

  test('is asked what it was busy with before it is killed', async () => {
    const busy = ['upload', 'poll'];
    const { child, clock } = childWith({ unfinished: () => [...busy], kill: () => busy.splice(0) });
    const termination = terminate(child, 10, clock);
    await clock.advance(10);
    expect(await termination).toMatchObject({ how: 'forced', abandoned: ['upload', 'poll'] });
    expect((await termination).exit).toMatchObject({ reason: 'crash', error: { code: 'KILLED' } });
  });

  test('with no grace at all is killed at once and asked nothing', async () => {
    const { child, heard, clock } = childWith({});
    expect((await terminate(child, 'brutal_kill', clock)).how).toBe('forced');
    expect([heard, clock.pending]).toEqual([['kill'], 0]);
  });

  test('with endless grace is never killed', async () => {
    const { child, heard, end, clock } = childWith({});
    const termination = terminate(child, 'infinity', clock);
    await clock.advance(1e12);
    expect([heard, clock.pending]).toEqual([['stop'], 0]);
    end(shutdown);
    expect((await termination).how).toBe('graceful');
  });
});

describe('a fault on the way', () => {
  test.each([
    [
      'throws',
      () => {
        throw new Error('no');
      },
    ],
    ['rejects', () => Promise.reject(new Error('no'))],
  ])('a stop that %s is force, at once, also with endless grace', async (_, stop) => {
    const { child, heard, clock } = childWith({ stop });
    expect((await terminate(child, 'infinity', clock)).how).toBe('forced');
    expect(heard).toEqual(['kill']);
  });

  test('a kill that throws, or that leaves the end open, is not waited for', async () => {
    const throwing = childWith({
      kill: () => {
        throw new Error('no');
      },
    });
    expect((await terminate(throwing.child, 'brutal_kill', throwing.clock)).how).toBe('forced');
    const silent = childWith({ kill: () => {} });
    expect((await terminate(silent.child, 'brutal_kill', silent.clock)).how).toBe('forced');
  });

  test('a child that cannot say what it is busy with was busy with nothing that is known', async () => {
    const { child, clock } = childWith({
      unfinished: () => {
        throw new Error('no');
      },
    });
    expect((await terminate(child, 'brutal_kill', clock)).abandoned).toEqual([]);
  });

  test('an end that is rejected is a crash', async () => {
    const { child, clock } = childWith({ exited: Promise.reject('broken') });
    expect(await terminate(child, 1_000, clock)).toMatchObject({
      how: 'graceful',
      exit: { reason: 'crash', error: { message: 'broken' } },
    });
  });

  test('a child that has ended already needs no force, whatever its stop does', async () => {
    const { child, heard, end, clock } = childWith({ stop: () => Promise.reject(new Error('too late')) });
    end({ reason: 'normal' });
    await quiet();
    expect(await terminate(child, 0, clock)).toMatchObject({ how: 'graceful', exit: { reason: 'normal' } });
    expect([heard, clock.pending]).toEqual([[], 0]);
  });
});
