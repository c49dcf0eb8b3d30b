// A session of which something was given up: it was damaged, recovered without that, and goes on.
import { sessionStream } from '../../src/domain/session/session-law.ts';
import { keys } from '../../src/journal/keys.ts';
import { createTestSystem, type TestSystem } from '../../src/testing/index.ts';
import { codeOf } from './outcome.ts';

export const one = { sessionId: 's' };
export const stream = sessionStream('s');

export async function change(test: TestSystem, seq: number, alter: (value: string) => string): Promise<void> {
  const key = keys.event(stream, seq);
  await test.disk.data.put(key, alter((await test.disk.data.get(key)) ?? ''));
}

export const damage = (test: TestSystem, seq: number): Promise<void> =>
  change(test, seq, (value) => value.replace(/.$/, (last) => (last === '#' ? '!' : '#')));

export async function say(test: TestSystem, ...contents: readonly string[]): Promise<void> {
  for (const content of contents) await test.client.messages.send({ ...one, role: 'user', content });
}

export async function dropSnapshots(test: TestSystem): Promise<void> {
  for (const key of await test.disk.data.keys().all())
    if (key.startsWith('s!session/s!')) await test.disk.data.del(key);
}

/** m1 to m3 and a checkpoint are events 3 to 6, m4 to m6 7 to 9; 8 is damaged, and 8 to 9 are given up: 10 is the recovery. */
export async function recovered(): Promise<TestSystem> {
  const test = await createTestSystem({});
  await test.client.sessions.create({ ...one, name: 'desk' });
  await say(test, 'm1', 'm2', 'm3');
  await test.client.checkpoints.create({ ...one, name: 'before' });
  await say(test, 'm4', 'm5', 'm6');
  await test.restart('close');
  await dropSnapshots(test);
  await damage(test, 8);
  await codeOf(test.client.sessions.get(one));
  await test.client.recovery.recover({ ...one, accept: true });
  await say(test, 'm7');
  await test.client.checkpoints.create({ ...one, name: 'behind' });
  return test;
}
