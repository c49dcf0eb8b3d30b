// A small workshop: work goes to whoever is idle for longest in its role, one at a time works on a file, a stalled holder can no
// longer write to it, nobody waits in a circle, and a restart strands nothing.
import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type AgentContext, createSystem, HoldfastError } from 'holdfast';

/** A resource outside: it takes a write only under the newest token that it has seen. */
class Manuscript {
  readonly lines: string[] = [];
  #newest = 0;

  write(line: string, fencingToken: number): boolean {
    if (fencingToken < this.#newest) return false;
    this.#newest = fencingToken;
    this.lines.push(line);
    return true;
  }
}

const manuscript = new Manuscript();
const name = 'files/manuscript.md';

/** Stands on the roster, takes the work that it is given, and does it under the lock. */
async function scribe({ session, input: role }: AgentContext<string>): Promise<void> {
  await session.roster.join({ role });
  const { task, assignment } = await session.roster.work();
  const { fencingToken } = await session.locks.acquire({ name, ttlMs: 60_000 });
  manuscript.write(`${session.id}: ${String(task?.input)}`, fencingToken);
  await session.locks.release({ name, fencingToken });
  await session.roster.complete({ assignment, result: 'written' });
}

const location = await mkdtemp(join(tmpdir(), 'holdfast-'));
try {
  const first = await createSystem({ location, agents: { scribe } });
  const { sessions, agents, roster, tasks, locks } = first.client;
  for (const sessionId of ['desk', 'ann', 'bert']) await sessions.create({ sessionId });
  const runs = [
    { sessionId: 'ann', ...(await agents.start({ sessionId: 'ann', agent: 'scribe', input: 'poet' })) },
    { sessionId: 'bert', ...(await agents.start({ sessionId: 'bert', agent: 'scribe', input: 'editor' })) },
  ];
  while ((await roster.stats()).byStatus.idle < 2) await new Promise((resolve) => setTimeout(resolve, 10));

  // The poet gets what is for poets; what is for nobody who is here goes to whoever is idle.
  await tasks.createMany({
    sessionId: 'desk',
    tasks: [
      { taskId: 'verse', title: 'A verse', role: 'poet', input: 'the sea, the sea' },
      { taskId: 'map', title: 'A map', role: 'painter', input: 'here be dragons' },
    ],
  });
  assert.equal((await roster.assign({ sessionId: 'desk', taskId: 'verse' })).member, 'ann');
  assert.equal((await roster.assign({ sessionId: 'desk', taskId: 'map' })).member, 'bert');
  for (const { sessionId, runId } of runs) await agents.wait({ sessionId, runId });
  assert.equal((await tasks.get({ sessionId: 'desk', taskId: 'map' })).result, 'written');

  // Ann stalls while she holds the lock; it expires, and what she then writes under her old token is refused.
  const stalled = await locks.acquire({ sessionId: 'ann', name, ttlMs: 20 });
  const next = await locks.acquire({ sessionId: 'bert', name, interruptible: true });
  assert.ok(next.fencingToken > stalled.fencingToken);
  assert.ok(manuscript.write('bert: a comma', next.fencingToken));
  assert.equal(manuscript.write('ann: too late', stalled.fencingToken), false);
  const { code } = await locks.check({ name, fencingToken: stalled.fencingToken }).then(
    () => ({ code: 'none' }),
    (error: HoldfastError) => error,
  );
  assert.equal(code, 'LOCK_TOKEN_STALE');

  // Somebody more urgent: the holder hears of it, and gives way.
  const notice = locks.notice({ sessionId: 'bert', name, fencingToken: next.fencingToken });
  const urgent = locks.acquire({ sessionId: 'desk', name, priority: 10 });
  assert.equal((await notice).outcome, 'interrupted');
  await locks.release({ sessionId: 'bert', name, fencingToken: next.fencingToken });
  await urgent;

  // Two who would wait for each other: the second is told so, and who waits for whom.
  await locks.acquire({ sessionId: 'ann', name: 'ink' });
  const patient = locks.acquire({ sessionId: 'ann', name });
  const refused = await locks.acquire({ sessionId: 'desk', name: 'ink' }).catch((error: unknown) => error);
  assert.ok(HoldfastError.is(refused, 'DEADLOCK'));

  // Sessions that end hold nothing; what is held by others is still theirs after a restart.
  await sessions.terminate({ sessionId: 'desk' });
  const { fencingToken } = await patient;
  await first.close();
  const second = await createSystem({ location, agents: { scribe } });
  const { holder } = await second.client.locks.get({ name });
  assert.deepEqual([holder?.sessionId, holder?.fencingToken], ['ann', fencingToken]);
  console.log(manuscript.lines.join('\n'));
  await second.close();
} finally {
  await rm(location, { recursive: true });
}
