// An outage of the disk as sessions meet it: they are read, what ends them gets through where that is possible, agents wait, and
// nothing is restarted, ended or lost.
import { describe, expect, test } from 'vitest';
import type { AgentContext } from '../../src/session/agents/agent-definitions.ts';
import { everyWrite, nthWrite } from '../../src/testing/faulty-level.ts';
import { createTestSystem, type TestSystem } from '../../src/testing/index.ts';
import { codeOf, errorOf, quiet, watch } from '../support/outcome.ts';

const one = { sessionId: 's' };
const say = ({ client }: TestSystem, content: string) =>
  client.messages.send({ ...one, role: 'user', content });

/** A disk that cannot be opened again for a while. */
async function down(test: TestSystem): Promise<void> {
  test.disk.failWrites(nthWrite(test.disk.writes + 1, 'before'));
  test.disk.failOpens(Number.POSITIVE_INFINITY);
  expect(await codeOf(say(test, 'lost'))).toBe('OUTCOME_UNKNOWN');
}

describe('a disk that does not come back for a while', () => {
  test('keeps commands waiting for a second, then refuses them, and sessions can be read all the time', async () => {
    await using test = await createTestSystem();
    await test.client.sessions.create(one);
    await down(test);
    const waiting = watch(say(test, 'waits'));
    const refused = errorOf(say(test, 'waits too'));
    await quiet();
    expect(waiting.outcome).toBe('waiting');
    await test.clock.advance(5_000);
    expect(await refused).toMatchObject({ code: 'JOURNAL_UNAVAILABLE', retryable: true });
    expect(waiting.outcome).toBe('JOURNAL_UNAVAILABLE');
    expect((await errorOf(say(test, 'now'))).details.retryAfterMs).toBeGreaterThan(0);
    expect(await test.client.sessions.get(one)).toMatchObject({ status: 'active' });
    expect(await test.client.storage.status()).toMatchObject({ health: 'reopening', writes: 'none' });
  });

  test('comes back without a restart of anything, and no subscription ends', async () => {
    await using test = await createTestSystem();
    await test.client.sessions.create(one);
    const heard: string[] = [];
    test.client.events.subscribe('s', ({ type }) => heard.push(type));
    await down(test);
    await test.clock.advance(3_600_000);
    expect(test.system.status).toBe('serving');
    test.disk.heal();
    await test.clock.advance(10_000);
    await say(test, 'after');
    expect(heard).toContain('message.sent');
    const names = test.telemetry.map(({ name }) => name);
    for (const name of ['session.crashed', 'session.restarting', 'service.restarting', 'system.failed'])
      expect(names).not.toContain(name);
    expect((await test.client.messages.list(one)).items.map(({ content }) => content)).toEqual(['after']);
    expect(await test.client.storage.status()).toMatchObject({ health: 'healthy', writes: 'all' });
  });

  test('is not heard of by agents: what they call waits until it is over', async () => {
    let write = (): void => {};
    const asked = new Promise<void>((resolve) => {
      write = resolve;
    });
    const agents = {
      async writer({ session }: AgentContext) {
        await asked;
        await session.messages.send({ role: 'assistant', content: 'from the agent' });
      },
    };
    await using test = await createTestSystem({ agents });
    await test.client.sessions.create(one);
    const { runId } = await test.client.agents.start({ ...one, agent: 'writer' });
    await quiet();
    await down(test);
    await test.clock.advance(5_000);
    expect(await codeOf(say(test, 'refused'))).toBe('JOURNAL_UNAVAILABLE');
    write();
    await quiet();
    test.disk.heal();
    await test.clock.advance(10_000);
    expect(await test.client.agents.wait({ ...one, runId })).toMatchObject({
      status: 'completed',
      crashes: 0,
    });
    expect((await test.client.messages.list(one)).items.map(({ content }) => content)).toEqual([
      'from the agent',
    ]);
  });

  test('does not hold up the closing of the system', async () => {
    const test = await createTestSystem();
    await test.client.sessions.create(one);
    await down(test);
    await test.clock.advance(5_000);
    await test.close();
    expect(test.system.status).toBe('stopped');
  });
});

test('a store that cannot be opened any more ends the service', async () => {
  const test = await createTestSystem();
  await test.client.sessions.create(one);
  test.disk.failWrites(everyWrite('before'));
  test.disk.failOpens(1, 'LEVEL_CORRUPTION');
  await codeOf(say(test, 'lost'));
  await quiet();
  expect(test.system.status).toBe('failed');
  await test.close();
});

test('a scrub quarantines the session whose record is damaged, which can be read, and no other', async () => {
  await using test = await createTestSystem();
  await test.client.sessions.create(one);
  await test.client.sessions.create({ sessionId: 'other' });
  await say(test, 'kept');
  const key = [];
  for await (const each of test.disk.data.keys({ gte: 'e!session/s!', lt: 'e!session/s"' })) key.push(each);
  const last = key.at(-1) ?? '';
  await test.disk.data.put(last, `${await test.disk.data.get(last)} `);
  expect(await test.client.storage.scrub()).toMatchObject({
    damaged: 1,
    findings: [{ stream: 'session/s', seq: 3 }],
  });
  expect(await codeOf(say(test, 'more'))).toBe('SESSION_QUARANTINED');
  expect(await test.client.sessions.conditions()).toMatchObject([
    { sessionId: 's', condition: 'quarantined', reason: 'damaged', error: { code: 'JOURNAL_CORRUPT' } },
  ]);
  expect(await codeOf(test.client.sessions.get({ sessionId: 'other' }))).toBe('answered');
  expect(await test.client.storage.status()).toMatchObject({ lastScrub: { records: 6, damaged: 1 } });
  expect((await test.client.recovery.receipts(one)).items).toMatchObject([
    { reason: 'history_damaged', status: 'failed', dropped: [{ from: 3, to: 3 }] },
  ]);
});

test('the scrub runs by itself after a minute, and then every day', async () => {
  await using test = await createTestSystem({ scrubEveryMs: 86_400_000 });
  await test.client.sessions.create(one);
  const count = (): number => test.telemetry.filter(({ name }) => name === 'scrub.finished').length;
  await test.clock.advance(60_000);
  await quiet();
  expect(count()).toBe(1);
  await test.clock.advance(86_399_000);
  await quiet();
  expect(count()).toBe(1);
  await test.clock.advance(1_000);
  await quiet();
  expect(count()).toBe(2);
  await test.restart();
  await test.clock.advance(3_600_000);
  await quiet();
  expect(count()).toBe(2);
});
