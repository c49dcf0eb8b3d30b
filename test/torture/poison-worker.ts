// The process of the poison campaign: `write` fills a store and waits to be killed, `ask` folds one session and dies of it, `serve`
// answers for all of them and tells what it saw. All but `write` run under a law with a bug.
import { performance } from 'node:perf_hooks';
import { setTimeout as sleep } from 'node:timers/promises';
import { type Client, createSystem, HoldfastError, type System } from 'holdfast';
import type { PoisonJob, ServeReport } from './poison.ts';

const job = JSON.parse(process.argv[2] ?? '{}') as PoisonJob;

const tell = (word: object): Promise<void> =>
  new Promise((resolve) => process.send?.(word, undefined, undefined, () => resolve()));

const beganAt = performance.now();
const bisections: number[] = [];
const ended: string[] = [];

const open = (): Promise<System> =>
  createSystem({
    location: job.location,
    operationTimeoutMs: 600_000,
    recovery: { trials: { stallMs: job.stallMs, memoryMb: 96 } },
    agents: { waits: ({ signal }) => new Promise((end) => signal.addEventListener('abort', end)) },
    onTelemetry({ name, data }) {
      if (name === 'bisection.started') bisections.push(performance.now());
      if (name === 'bisection.ended') ended.push(String(data.sessionId));
    },
  });

async function write({ client }: System): Promise<void> {
  const all = [...job.healthy, ...job.poisoned.map(({ sessionId }) => sessionId)];
  await Promise.all(all.map((sessionId) => client.sessions.create({ sessionId })));
  await Promise.all(
    job.healthy.map((sessionId) => client.messages.send({ sessionId, role: 'user', content: 'well' })),
  );
  for (const { sessionId, contents, isAtWork } of job.poisoned) {
    for (const content of contents) await client.messages.send({ sessionId, role: 'user', content });
    if (isAtWork) await client.agents.start({ sessionId, agent: 'waits' });
  }
}

async function serve({ client }: System): Promise<ServeReport> {
  const openedAt = performance.now();
  const answers = await Promise.allSettled(job.healthy.map((sessionId) => use(client, sessionId)));
  const servedAt = performance.now();
  const before = bisections.filter((at) => at < servedAt).length;
  const meanwhile = useMeanwhile(client);
  const poisoned: ServeReport['poisoned'][number][] = [];
  for (const { sessionId } of job.poisoned) poisoned.push(await look(client, sessionId));
  const slowestMs = await meanwhile();
  const quarantined = await client.sessions.conditions({ condition: 'quarantined' });
  const doneAt = performance.now();
  return {
    openMs: openedAt - beganAt,
    servedMs: servedAt - openedAt,
    trialsMs: doneAt - servedAt,
    ...{ before, slowestMs, poisoned },
    refused: answers.filter(({ status }) => status === 'rejected').length,
    bisections: bisections.length,
    quarantined: quarantined.map(({ sessionId }) => sessionId),
  };
}

const use = (client: Client, sessionId: string): Promise<unknown> =>
  client.messages.send({ sessionId, role: 'user', content: 'still well' });

/** Healthy sessions are used one after the other until what it answers is called, which tells how long the slowest took. */
function useMeanwhile(client: Client): () => Promise<number> {
  let isOver = false;
  const used = (async () => {
    let slowestMs = 0;
    for (let turn = 0; !isOver; turn++) {
      const at = performance.now();
      await use(client, job.healthy[turn % job.healthy.length] ?? '');
      slowestMs = Math.max(slowestMs, performance.now() - at);
      await sleep(20);
    }
    return slowestMs;
  })();
  return () => {
    isOver = true;
    return used;
  };
}

async function look(client: Client, sessionId: string): Promise<ServeReport['poisoned'][number]> {
  const write = await use(client, sessionId).then(
    () => 'written',
    (error: unknown) => (HoldfastError.is(error) ? error.code : String(error)),
  );
  const { items } = await client.messages.list({ sessionId });
  const { events } = await client.recovery.parked({ sessionId });
  const contents = items.map(({ content }) => String(content));
  await client.sessions.retry({ sessionId, agents: 'stop' });
  await use(client, sessionId);
  return { sessionId, write, contents, parked: events.map(({ seq }) => seq) };
}

if (job.mode === 'write') {
  await write(await open());
  await tell({ type: 'written' });
} else if (job.mode === 'ask') {
  const system = await open();
  await tell({ type: 'asking' });
  if (job.ask !== undefined) await system.client.sessions.get({ sessionId: job.ask });
} else {
  const system = await open();
  await tell({ type: 'served', report: await serve(system) });
  await system.close();
  process.disconnect();
}
