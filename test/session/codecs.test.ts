// Payloads in the user's own types, through a whole system: stored as JSON, read back as they were, refused where no codec knows them.
import { type AgentContext, type DeliveredEvent, richCodecs } from 'holdfast';
import { describe, expect, test } from 'vitest';
import { createTestSystem } from '../../src/testing/index.ts';
import { codeOf } from '../support/outcome.ts';

const sessionId = 's';
const one = { sessionId };
const value = { when: new Date(5), seen: new Set([1n]), left: undefined, by: new Map([['a', Number.NaN]]) };

describe('with codecs', () => {
  test('a value, a message and an event come back as they were, after a restart too', async () => {
    await using test = await createTestSystem({ codecs: richCodecs });
    const heard: DeliveredEvent[] = [];
    await test.client.sessions.create({ ...one, metadata: { value } });
    await test.client.events.subscribe(sessionId, (event) => heard.push(event));
    await test.client.memory.set({ ...one, key: 'k', value });
    await test.client.messages.send({ ...one, role: 'user', content: [value] });
    expect(heard.map(({ data }) => data)).toStrictEqual([
      { key: 'k', value },
      expect.objectContaining({ content: [value] }),
    ]);
    await test.restart('kill');
    const { client } = test;
    expect(await client.memory.get({ ...one, key: 'k' })).toStrictEqual({ key: 'k', value });
    expect((await client.sessions.get(one)).metadata).toStrictEqual({ value });
    expect((await client.messages.list(one)).items[0]?.content).toStrictEqual([value]);
    await using stream = client.events.stream({ ...one, types: ['memory.updated'] });
    expect((await stream.next()).value?.data).toStrictEqual({ key: 'k', value });
  });

  test('an agent reads and writes them, and has them as input and result', async () => {
    await using test = await createTestSystem({
      codecs: richCodecs,
      agents: {
        async swap({ session, input }: AgentContext) {
          return { input, kept: await session.memory.get({ key: 'k' }) };
        },
      },
    });
    await test.client.sessions.create(one);
    await test.client.memory.set({ ...one, key: 'k', value });
    const { runId } = await test.client.agents.start({ ...one, agent: 'swap', input: value });
    const { result } = await test.client.agents.wait({ ...one, runId });
    expect(result).toStrictEqual({ input: value, kept: { key: 'k', value } });
  });

  test('what was written under a codec that is gone is refused by its name', async () => {
    await using test = await createTestSystem({ codecs: richCodecs });
    await test.client.sessions.create(one);
    await test.client.memory.set({ ...one, key: 'k', value: { $codec: 'kept as it is' } });
    await test.client.memory.set({ ...one, key: 'l', value: new Date(0) });
    expect(await test.client.memory.get({ ...one, key: 'k' })).toMatchObject({
      value: { $codec: 'kept as it is' },
    });
    expect((await test.client.memory.get({ ...one, key: 'l' })).value).toEqual(new Date(0));
  });
});

test('without codecs what JSON would alter is refused by its place and its kind', async () => {
  await using test = await createTestSystem();
  await test.client.sessions.create(one);
  for (const odd of [new Date(0), new Map(), new Set(), 1n, Number.NaN, [undefined], Uint8Array.of(1)])
    expect(await codeOf(test.client.memory.set({ ...one, key: 'k', value: odd }))).toBe('NOT_JSON');
  const refused = test.client.memory.set({ ...one, key: 'k', value: { a: [new Map()] } });
  await expect(refused).rejects.toMatchObject({ details: { path: '$.value.a[0]', problem: 'it is a Map' } });
  class Names extends Array<string> {}
  const ring: { self?: unknown } = {};
  ring.self = [ring];
  const faults = [{ a: Names.of('b') }, ring].map((value) =>
    test.client.memory.set({ ...one, key: 'k', value }).catch((error: unknown) => error),
  );
  expect(await Promise.all(faults)).toMatchObject([
    { code: 'NOT_JSON', details: { path: '$.value.a', problem: 'it is a Names' } },
    { code: 'NOT_JSON', details: { path: '$.value.self[0]', problem: expect.stringContaining('itself') } },
  ]);
});
