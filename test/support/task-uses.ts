// Every operation on tasks in good use, for the test of the registry.
import type { OperationName } from '../../src/operations/registry.ts';
import type { TestSystem } from '../../src/testing/test-system.ts';

type Use = (test: TestSystem) => Promise<[answer: unknown, expected: object]>;

const one = { sessionId: 's', taskId: 't' };

async function created({ client }: TestSystem): Promise<void> {
  await client.tasks.create({ ...one, title: 'T' });
}

async function started(test: TestSystem): Promise<void> {
  await created(test);
  await test.client.tasks.start(one);
}

const other = { sessionId: 's', taskId: 'o', title: 'O' };

export const taskUses: Record<Extract<OperationName, `tasks.${string}`>, Use> = {
  'tasks.offer': async (test) => {
    await started(test);
    const asked = { ...one, epoch: 1, to: 'desk', summary: 'half done', deadlineMs: 10 };
    return [await test.client.tasks.offer(asked), { taskId: 't' }];
  },
  'tasks.take': async (test) => {
    await started(test);
    await test.client.tasks.offer({ ...one, epoch: 1, to: 'desk', summary: 'half done' });
    const answer = await test.client.tasks.take({ ...one, by: 'desk' });
    return [answer, { epoch: 2, key: 's/t@1:2', package: { summary: 'half done', nextActions: [] } }];
  },
  'tasks.decline': async (test) => {
    await started(test);
    await test.client.tasks.offer({ ...one, epoch: 1, to: 'desk', summary: 'half done' });
    return [await test.client.tasks.decline({ ...one, by: 'desk' }), { taskId: 't' }];
  },
  'tasks.withdraw': async (test) => {
    await started(test);
    await test.client.tasks.offer({ ...one, epoch: 1, to: 'desk', summary: 'half done' });
    return [await test.client.tasks.withdraw({ ...one, epoch: 1 }), { taskId: 't' }];
  },
  'tasks.create': async ({ client }) => [
    await client.tasks.create({ ...one, title: 'T' }),
    { taskId: 't', status: 'pending', seq: 1, durability: 'fsync' },
  ],
  'tasks.createMany': async ({ client }) => [
    await client.tasks.createMany({
      sessionId: 's',
      tasks: [
        { taskId: 'b', title: 'B', dependencies: [{ taskId: 'a', onFailure: 'cancel' }] },
        { taskId: 'a', title: 'A' },
      ],
    }),
    {
      tasks: [
        { taskId: 'b', status: 'blocked' },
        { taskId: 'a', status: 'pending' },
      ],
    },
  ],
  'tasks.get': async (test) => {
    await created(test);
    return [
      await test.client.tasks.get(one),
      { taskId: 't', version: 1, ready: true, input: null, result: null },
    ];
  },
  'tasks.wait': async (test) => {
    await created(test);
    await test.client.tasks.cancel(one);
    return [await test.client.tasks.wait(one), { taskId: 't', status: 'cancelled', result: null }];
  },
  'tasks.list': async (test) => {
    await created(test);
    return [
      await test.client.tasks.list({ sessionId: 's', search: 't' }),
      { items: [{ taskId: 't' }], total: 1 },
    ];
  },
  'tasks.update': async (test) => {
    await created(test);
    return [await test.client.tasks.update({ ...one, expectedVersion: 1, priority: 3 }), { version: 2 }];
  },
  'tasks.assign': async (test) => {
    await created(test);
    return [await test.client.tasks.assign({ ...one, role: 'writer' }), { version: 2 }];
  },
  'tasks.addDependency': async (test) => {
    await created(test);
    await test.client.tasks.create(other);
    return [await test.client.tasks.addDependency({ ...one, dependsOn: 'o' }), { version: 2 }];
  },
  'tasks.removeDependency': async (test) => {
    await test.client.tasks.create(other);
    await test.client.tasks.create({ ...one, title: 'T', dependencies: ['o'] });
    return [await test.client.tasks.removeDependency({ ...one, dependsOn: 'o' }), { version: 2 }];
  },
  'tasks.start': async (test) => {
    await created(test);
    return [await test.client.tasks.start(one), { epoch: 1, leaseUntil: null, key: 's/t@1:1' }];
  },
  'tasks.claim': async (test) => {
    await created(test);
    const leaseUntil = test.clock.now() + 60_000;
    return [
      await test.client.tasks.claim({ sessionId: 's', owner: 'w' }),
      { taskId: 't', epoch: 1, leaseUntil, key: 's/t@1:1' },
    ];
  },
  'tasks.progress': async (test) => {
    await started(test);
    return [
      await test.client.tasks.progress({ ...one, epoch: 1, fraction: 0.5, note: 'half' }),
      { taskId: 't' },
    ];
  },
  'tasks.complete': async (test) => {
    await started(test);
    return [await test.client.tasks.complete({ ...one, epoch: 1, result: 1 }), { status: 'completed' }];
  },
  'tasks.fail': async (test) => {
    await started(test);
    const notBefore = test.clock.now() + 1_000;
    return [
      await test.client.tasks.fail({ ...one, epoch: 1, error: { message: 'no' } }),
      { status: 'pending', notBefore },
    ];
  },
  'tasks.release': async (test) => {
    await started(test);
    return [await test.client.tasks.release({ ...one, epoch: 1 }), { status: 'pending' }];
  },
  'tasks.validate': async (test) => {
    await test.client.tasks.create({ ...one, title: 'T', gates: ['slow'] });
    const { epoch } = await test.client.tasks.start(one);
    await test.client.tasks.complete({ ...one, epoch });
    return [
      await test.client.tasks.validate({ ...one, epoch, verdicts: [{ gate: 'slow', ok: true }] }),
      { status: 'completed' },
    ];
  },
  'tasks.check': async (test) => {
    await created(test);
    return [await test.client.tasks.check(one), { ok: true, level: 'standard', taskId: 't' }];
  },
  'tasks.pause': async (test) => {
    await created(test);
    return [await test.client.tasks.pause(one), { status: 'paused' }];
  },
  'tasks.cancel': async (test) => {
    await created(test);
    return [await test.client.tasks.cancel(one), { status: 'cancelled' }];
  },
  'tasks.retry': async (test) => {
    await created(test);
    await test.client.tasks.cancel(one);
    return [await test.client.tasks.retry(one), { status: 'pending' }];
  },
  'tasks.resume': async (test) => {
    await created(test);
    await test.client.tasks.pause(one);
    return [await test.client.tasks.resume(one), { resumed: 1, skipped: 0, failed: 0 }];
  },
  'tasks.history': async (test) => {
    await started(test);
    return [
      await test.client.tasks.history(one),
      {
        items: [
          { type: 'task.created', seq: 1 },
          { type: 'task.started', seq: 2 },
        ],
      },
    ];
  },
  'tasks.graph': async (test) => {
    await created(test);
    return [
      await test.client.tasks.graph({ sessionId: 's' }),
      { tasks: [{ taskId: 't', dependents: [] }], total: 1 },
    ];
  },
  'tasks.stats': async (test) => {
    await created(test);
    return [await test.client.tasks.stats({ sessionId: 's' }), { open: 1, ready: 1, total: 1, running: 0 }];
  },
};
