// The tasks of one actor: counted while they go on, aborted and refused when it closes, forgotten without harm when it is abandoned.
import { setTimeout as sleep } from 'node:timers/promises';
import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { TaskScope } from '../../src/actor/task-scope.ts';
import { codeOf, quiet, watch } from '../support/outcome.ts';

/** What would have ended the process. */
let strays: unknown[] = [];
let former: NodeJS.UncaughtExceptionListener[] = [];
let formerRejections: NodeJS.UnhandledRejectionListener[] = [];
const note = (error: unknown): void => void strays.push(error);

beforeEach(() => {
  strays = [];
  former = process.listeners('uncaughtException');
  formerRejections = process.listeners('unhandledRejection');
  process.removeAllListeners('uncaughtException').removeAllListeners('unhandledRejection');
  process.on('uncaughtException', note).on('unhandledRejection', note);
});

afterEach(async () => {
  await quiet();
  process.off('uncaughtException', note).off('unhandledRejection', note);
  for (const listener of former) process.on('uncaughtException', listener);
  for (const listener of formerRejections) process.on('unhandledRejection', listener);
  expect(strays).toEqual([]);
});

function open() {
  let resolve: (value: string) => void = () => {};
  let reject: (error: Error) => void = () => {};
  const promise = new Promise<string>((settle, fail) => {
    resolve = settle;
    reject = fail;
  });
  return { promise, resolve, reject };
}

describe('a task', () => {
  test('is called at once with the signal, counts while it goes on, and answers as it does', async () => {
    const scope = new TaskScope();
    const { promise, resolve } = open();
    let given: AbortSignal | undefined;
    const answer = scope.run('read', (signal) => {
      given = signal;
      return promise;
    });
    expect([given, scope.size]).toEqual([scope.signal, 1]);
    resolve('read');
    expect([await answer, scope.size]).toEqual(['read', 0]);
    expect(await scope.run('now', () => 5)).toBe(5);
  });

  test.each([
    [
      'throws',
      () => {
        throw new Error('no');
      },
    ],
    ['rejects', () => Promise.reject(new Error('no'))],
  ])('that %s is over, and its error the caller’s', async (_, task) => {
    const scope = new TaskScope();
    expect(await codeOf(scope.run('broken', task))).toBe('Error: no');
    expect(scope.size).toBe(0);
  });

  test('may begin others, which count by themselves', async () => {
    const scope = new TaskScope();
    const { promise, resolve } = open();
    await scope.run('outer', () => void scope.run('inner', () => promise));
    expect(scope.size).toBe(1);
    resolve('');
    await scope.settled();
    expect(scope.size).toBe(0);
  });
});

describe('closing', () => {
  test('aborts the signal once with the reason, and lets what goes on end', async () => {
    const scope = new TaskScope();
    const { promise, resolve } = open();
    const reasons: unknown[] = [];
    scope.signal.addEventListener('abort', () => reasons.push(scope.signal.reason));
    const answer = scope.run('read', () => promise);
    const reason = new Error('stopped');
    scope.close(reason);
    scope.close(new Error('again'));
    expect([reasons, scope.size]).toEqual([[reason], 1]);
    const settled = watch(scope.settled());
    await quiet();
    expect(settled.outcome).toBe('waiting');
    resolve('late but well');
    expect(await answer).toBe('late but well');
    await quiet();
    expect(settled.outcome).toBe('answered');
  });

  test('refuses new tasks without calling them, and says why', async () => {
    const scope = new TaskScope();
    scope.close(new Error('stopped'));
    let called = false;
    const refused = scope.run('write', () => {
      called = true;
    });
    await expect(refused).rejects.toMatchObject({
      code: 'SCOPE_CLOSED',
      details: { task: 'write' },
      cause: { message: 'stopped' },
    });
    expect([called, scope.size]).toEqual([false, 0]);
  });

  test('is not heard as a stray error by anybody: refusals and aborted tasks may go unobserved', async () => {
    const scope = new TaskScope();
    void scope.run('sleep', (signal) => sleep(1_000_000, undefined, { signal }));
    scope.close();
    void scope.run('late', () => 1);
    await scope.settled();
    expect(scope.size).toBe(0);
  });
});

describe('abort listeners that throw', () => {
  test('harm neither the others nor the process, however they listen', async () => {
    const faults: string[] = [];
    const scope = new TaskScope({ onFault: ({ message }) => faults.push(message) });
    const heard: string[] = [];
    const fail = (message: string): never => {
      throw new Error(message);
    };
    scope.signal.addEventListener('abort', () => fail('function'));
    scope.signal.addEventListener('abort', { handleEvent: () => fail('object') });
    scope.signal.addEventListener('abort', async () => fail('async'));
    scope.signal.onabort = () => fail('handler');
    scope.signal.addEventListener('abort', function (this: AbortSignal, event) {
      heard.push(`${event.type} ${this === scope.signal}`);
    });
    scope.close();
    await quiet();
    expect(heard).toEqual(['abort true']);
    expect(faults.sort()).toEqual(['async', 'function', 'handler', 'object']);
  });

  test('can be taken away again, are added once, and hear once', () => {
    const scope = new TaskScope();
    let heard = 0;
    const gone = (): void => void heard++;
    const twice = (): void => void heard++;
    scope.signal.addEventListener('abort', gone);
    scope.signal.removeEventListener('abort', gone);
    scope.signal.addEventListener('abort', twice, { once: true });
    scope.signal.addEventListener('abort', twice, { once: true });
    scope.signal.onabort = gone;
    scope.signal.onabort = null;
    scope.close();
    expect(heard).toBe(1);
  });

  test('and a listener to faults that throws is no different', async () => {
    const scope = new TaskScope({
      onFault: () => {
        throw new Error('also');
      },
    });
    scope.signal.addEventListener('abort', () => {
      throw new Error('no');
    });
    scope.close();
    await quiet();
    expect(scope.isClosed).toBe(true);
  });
});

describe('abandoning', () => {
  test('closes, names what goes on in the order in which it began, and forgets it', async () => {
    const scope = new TaskScope();
    for (const name of ['a', 'b', 'a']) void scope.run(name, () => new Promise(() => {}));
    const settled = watch(scope.settled());
    await scope.run('done', () => 1);
    expect(scope.abandon()).toEqual(['a', 'b', 'a']);
    await quiet();
    expect([scope.size, scope.isClosed, settled.outcome, scope.abandon()]).toEqual([0, true, 'answered', []]);
  });

  test('leaves the late result and the late rejection of a task without effect', async () => {
    const scope = new TaskScope();
    const [good, bad] = [open(), open()];
    const answers = [scope.run('good', () => good.promise), scope.run('bad', () => bad.promise)];
    const watched = answers.map((answer) => watch(answer));
    void answers[1]?.then(() => undefined);
    scope.abandon();
    good.resolve('late');
    bad.reject(new Error('late'));
    await quiet();
    expect(watched.map(({ outcome }) => outcome)).toEqual(['waiting', 'waiting']);
  });
});

test('whatever happens to tasks, a scope counts those that go on, and settles exactly when there are none', async () => {
  const steps = fc.array(fc.constantFrom('run', 'throw', 'resolve', 'reject', 'close', 'abandon'), {
    maxLength: 20,
    size: 'max',
  });
  await fc.assert(
    fc.asyncProperty(steps, async (plan) => {
      const scope = new TaskScope();
      let going: ReturnType<typeof open>[] = [];
      let closed = false;
      for (const step of plan) {
        const settled = watch(scope.settled());
        if (step === 'run') {
          const next = open();
          void scope.run('task', () => next.promise).catch(() => {});
          if (!closed) going.push(next);
        } else if (step === 'throw') {
          void scope
            .run('task', () => {
              throw new Error('no');
            })
            .catch(() => {});
        } else if (step === 'resolve') going.shift()?.resolve('');
        else if (step === 'reject') going.pop()?.reject(new Error('no'));
        else {
          closed = true;
          if (step === 'close') scope.close();
          else expect(scope.abandon().length).toBe(going.splice(0).length);
        }
        await quiet(1);
        expect([scope.size, scope.isClosed]).toEqual([going.length, closed]);
        if (going.length === 0) expect(settled.outcome).toBe('answered');
      }
      going = [];
    }),
    { numRuns: 300 },
  );
});

test('takes any number of tasks that wait for its signal, without a warning of a leak', async () => {
  const warnings: Error[] = [];
  const warned = (warning: Error): void => void warnings.push(warning);
  process.on('warning', warned);
  const { signal } = new TaskScope();
  for (let i = 0; i < 100; i++) signal.addEventListener('abort', () => {});
  await quiet();
  process.off('warning', warned);
  expect(warnings).toEqual([]);
});
