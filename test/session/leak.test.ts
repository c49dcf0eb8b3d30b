// The same promise through the whole system: while the disk fails at random, nothing that a client can ask or hear shows what
// did not become durable. The failures are the journal's: no session is restarted for them, and no subscription ends.
import fc from 'fast-check';
import { expect, test } from 'vitest';
import type { DeliveredEvent } from '../../src/operations/views/views.ts';
import { randomWrites } from '../../src/testing/faulty-level.ts';
import { createTestSystem, type TestSystem } from '../../src/testing/test-system.ts';
import { codeOf, quiet, whileTimePasses } from '../support/outcome.ts';

const ids = ['a', 'b', 'c'] as const;

const steps = ['send', 'sendWithKey', 'set', 'pause', 'resume', 'read', 'list', 'get', 'wait'] as const;

interface Client {
  readonly session: number;
  readonly patient: boolean;
  readonly steps: readonly (typeof steps)[number][];
}

const program = fc.record({
  seed: fc.integer({ min: 1, max: 1e6 }),
  rate: fc.constantFrom(0.1, 0.3, 0.5),
  failingOpens: fc.nat(2),
  clients: fc.array(
    fc.record({
      session: fc.nat(2),
      patient: fc.boolean(),
      steps: fc.array(fc.constantFrom('send', 'sendWithKey', 'send', 'set', ...steps), {
        minLength: 5,
        maxLength: 20,
      }),
    }),
    { minLength: 2, maxLength: 5 },
  ),
});

/** What was sent, seen and heard. Every text is unique, so that each names the one command that it came from. */
class Witness {
  readonly seen: { readonly session: string; readonly text: string; readonly by: string }[] = [];
  readonly seqs: { readonly session: string; readonly seq: number; readonly by: string }[] = [];
  readonly answered: { readonly session: string; readonly text: string; readonly seq: number }[] = [];
  readonly notCommitted = new Set<string>();
  readonly called = new Map<string, string[]>(ids.map((id) => [id, []]));
  readonly streamed = new Map<string, string[]>(ids.map((id) => [id, []]));
  readonly refusedAs = new Map<string, string>();
  readonly outcomes = new Set<string>();
}

const textOf = ({ data }: Pick<DeliveredEvent, 'data'>): string => {
  const { content, value, reason } = data as { content?: string; value?: string; reason?: string };
  return content ?? value ?? reason ?? '';
};

const lineOf = (event: DeliveredEvent): string => `${event.seq} ${event.type} ${textOf(event)}`;

async function drive(
  { client }: TestSystem,
  { session, patient, steps: todo }: Client,
  name: string,
  witness: Witness,
) {
  const sessionId = ids[session] ?? 'a';
  const tell = async (text: string, call: () => Promise<{ seq: number }>): Promise<boolean> => {
    try {
      const { seq } = await call();
      witness.answered.push({ session: sessionId, text, seq });
      witness.notCommitted.delete(text);
      return true;
    } catch (error) {
      const { code, details } = error as { code: string; details: { status?: string } };
      witness.outcomes.add(code);
      if (details.status !== undefined) witness.refusedAs.set(sessionId, details.status);
      if (code === 'OUTCOME_UNKNOWN') witness.notCommitted.delete(text);
      else witness.notCommitted.add(text);
      return code === 'SESSION_NOT_ACTIVE';
    }
  };
  const take = async (step: Client['steps'][number], text: string): Promise<unknown> => {
    const message = { sessionId, role: 'user', content: text } as const;
    switch (step) {
      case 'send':
        return tell(text, () => client.messages.send(message));
      case 'sendWithKey':
        while (!(await tell(text, () => client.messages.send(message, { idempotencyKey: text }))))
          await quiet(1);
        return;
      case 'set':
        return tell(text, () => client.memory.set({ sessionId, key: 'k', value: text }));
      case 'pause':
        return codeOf(client.sessions.pause({ sessionId, reason: text }));
      case 'resume':
        return codeOf(client.sessions.resume({ sessionId, reason: text }));
      case 'read': {
        const { items } = await client.messages.list({ sessionId, limit: 1_000 });
        for (const { content } of items)
          witness.seen.push({ session: sessionId, text: String(content), by: 'read' });
        const { value } = await client.memory.get({ sessionId, key: 'k' }).catch(() => ({ value: null }));
        if (value !== null) witness.seen.push({ session: sessionId, text: String(value), by: 'memory' });
        return;
      }
      case 'get': {
        const { seq, reason } = await client.sessions.get({ sessionId });
        witness.seqs.push({ session: sessionId, seq, by: 'get' });
        if (reason !== null) witness.seen.push({ session: sessionId, text: reason, by: 'reason' });
        return;
      }
      case 'list':
        for (const { sessionId: id, messages } of (await client.sessions.list({})).items)
          witness.seqs.push({ session: id, seq: messages, by: 'list' });
        return;
      default:
        return quiet(2);
    }
  };
  const calls: Promise<unknown>[] = [];
  for (const [n, step] of todo.entries()) {
    calls.push(take(step, `${name}.${n}`));
    if (patient) await calls.at(-1);
    else if (n % 4 === 3) await quiet(1);
  }
  await Promise.all(calls);
}

async function run(
  system: TestSystem,
  chosen: typeof program extends fc.Arbitrary<infer T> ? T : never,
  witness: Witness,
) {
  const { client, disk, clock } = system;
  const stop = new AbortController();
  const readers = ids.map(async (id) => {
    try {
      for await (const event of client.events.stream({ sessionId: id, signal: stop.signal }))
        witness.streamed.get(id)?.push(lineOf(event));
    } catch (error) {
      if (!stop.signal.aborted) throw error;
    }
  });
  await client.events.subscribeAll((event) => witness.called.get(event.sessionId)?.push(lineOf(event)));
  disk.failWrites(randomWrites(chosen.seed, chosen.rate));
  disk.failOpens(chosen.failingOpens);
  let running = true;
  const done = Promise.all(chosen.clients.map((each, c) => drive(system, each, `c${c}`, witness))).finally(
    () => {
      running = false;
    },
  );
  while (running) await clock.advance(20);
  await done;
  disk.heal();
  // The next attempt to reopen may be a while off.
  const healed = client.sessions.configure({ sessionId: 'a', metadata: { healed: true } });
  await whileTimePasses(clock, codeOf(healed), 100);
  for (let turn = 0; turn < 10; turn++) await clock.advance(100);
  stop.abort();
  await Promise.all(readers);
}

async function check(system: TestSystem, witness: Witness): Promise<void> {
  for (const id of ids) {
    const { items } = await system.client.events.list({ sessionId: id, limit: 1_000 });
    const texts = items.map(textOf);
    for (const { session, text, by } of witness.seen)
      if (session === id) expect(texts, `${by} showed ${text}, which did not become durable`).toContain(text);
    for (const { session, seq, by } of witness.seqs)
      if (session === id) expect(seq, by).toBeLessThanOrEqual(items.length);
    for (const { session, text, seq } of witness.answered)
      if (session === id) {
        expect(textOf(items[seq - 1] ?? { data: {} })).toBe(text);
        expect(texts.filter((other) => other === text).length, text).toBe(1);
      }
    for (const text of witness.notCommitted)
      expect(texts, `${text} was committed after all`).not.toContain(text);
    const lines = items.map(lineOf);
    expect(witness.streamed.get(id)).toEqual(lines);
    expect(witness.called.get(id)).toEqual(lines.slice(2));
    if (witness.refusedAs.has(id)) {
      expect(witness.refusedAs.get(id)).toBe('paused');
      expect(items.map(({ data }) => (data as { to?: string }).to)).toContain('paused');
    }
  }
}

test('whatever clients do while the disk fails at random, they see and keep only what became durable', async () => {
  const outcomes = new Set<string>();
  await fc.assert(
    fc.asyncProperty(program, async (chosen) => {
      await using system = await createTestSystem({ session: { idleAfterMs: null, dormantAfterMs: null } });
      for (const sessionId of ids) await system.client.sessions.create({ sessionId });
      const witness = new Witness();
      await run(system, chosen, witness);
      const reported = system.telemetry.map(({ name }) => name);
      expect(reported.filter((name) => name === 'session.started').length).toBe(ids.length);
      for (const name of ['session.crashed', 'session.restarting', 'subscriber.failed'])
        expect(reported).not.toContain(name);
      await system.restart();
      await check(system, witness);
      for (const outcome of witness.outcomes) outcomes.add(outcome);
    }),
    { numRuns: 80, seed: 20_260_101 },
  );
  expect([...outcomes].sort()).toEqual(['NOT_COMMITTED', 'OUTCOME_UNKNOWN', 'SESSION_NOT_ACTIVE']);
});

test('while the journal is being reopened what was not with the disk can be read, and nothing is refused', async () => {
  await using system = await createTestSystem();
  const { client, disk, clock } = system;
  for (const sessionId of ids) await client.sessions.create({ sessionId });
  await client.messages.send({ sessionId: 'a', role: 'user', content: 'kept' });
  const fatal = disk.writes + 1;
  disk.failWrites((write) => (write === fatal ? 'before' : undefined));
  disk.failOpens(3);
  expect(await codeOf(client.messages.send({ sessionId: 'a', role: 'user', content: 'lost' }))).toBe(
    'OUTCOME_UNKNOWN',
  );
  expect(await client.sessions.get({ sessionId: 'b' })).toMatchObject({ messages: 0, status: 'active' });
  expect((await client.sessions.list({})).total).toBe(3);
  expect(await client.files.list({ sessionId: 'b' })).toEqual([]);
  const waiting = [
    client.messages.list({ sessionId: 'a' }),
    client.messages.send({ sessionId: 'b', role: 'user', content: 'later' }),
    client.sessions.create({ sessionId: 'd' }),
  ].map(codeOf);
  const unsure = client.sessions.get({ sessionId: 'a' });
  await clock.advance(1_000);
  expect(await unsure).toMatchObject({ messages: 1, status: 'active' });
  expect(await Promise.all(waiting)).toEqual(['answered', 'answered', 'answered']);
});
