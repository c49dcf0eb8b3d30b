// Whatever is damaged, and whatever of it is given up in recoveries: a session is called valid when, and only when, each of its records
// is as it was written or was given up.
import { expect, test } from 'vitest';
import { sessionStream } from '../../src/domain/session/session-law.ts';
import { keys, seqOf } from '../../src/journal/keys.ts';
import { createTestSystem, type TestSystem } from '../../src/testing/index.ts';
import { seededRandom } from '../../src/testing/seeded-random.ts';
import { codeOf } from '../support/outcome.ts';

const one = { sessionId: 's' };
const stream = sessionStream('s');
const events = { gte: keys.event(stream, 0), lte: keys.event(stream, 1_000_000) };

type Written = Map<string, string>;

async function note({ disk }: TestSystem, written: Written): Promise<void> {
  for (const [key, value] of await disk.data.iterator(events).all())
    if (!written.has(key)) written.set(key, value);
}

async function work({ client }: TestSystem, below: (end: number) => number): Promise<void> {
  for (let left = 1 + below(5); left > 0; left--)
    await codeOf(
      below(10) === 0
        ? client.checkpoints.create(one)
        : client.messages.send({ ...one, role: 'user', content: `m${left}` }),
    );
}

/** Removed, rotten, or exchanged for another record. */
async function spoil({ disk }: TestSystem, written: Written, below: (end: number) => number): Promise<void> {
  const all = [...written];
  const any = (): readonly [string, string] => all[below(all.length)] ?? ['', ''];
  for (let left = below(4); left > 0; left--) {
    const [[key, value], [, other]] = [any(), any()];
    const how = below(3);
    if (how === 0) await disk.data.del(key);
    else await disk.data.put(key, how === 1 ? value.slice(0, -1) : other);
  }
}

async function recover({ client }: TestSystem, below: (end: number) => number): Promise<void> {
  const tier = ([{}, {}, { tier: 'cold' }, { tier: 'emergency' }, { tier: 'warm' }] as const)[below(5)];
  const wanted = ([{}, {}, { completeness: 'partial' }, { completeness: 'minimal' }] as const)[below(4)];
  await codeOf(client.recovery.recover({ ...one, ...tier, ...wanted, accept: true }));
}

test.each([1, 2, 3, 4])(
  'a session is valid when all that was not given up is as it was written, seed %i',
  async (seed) => {
    const random = seededRandom(seed);
    const below = (end: number): number => Math.floor(random() * end);
    for (let run = 0; run < 10; run++) {
      await using test = await createTestSystem({});
      const written: Written = new Map();
      await test.client.sessions.create(one);
      for (let rounds = 1 + below(3); rounds > 0; rounds--) {
        await work(test, below);
        await test.restart(below(2) === 0 ? 'close' : 'kill');
        await note(test, written);
        const snapshots = await test.disk.data.keys({ gte: `s!${stream}!`, lt: `s!${stream}"` }).all();
        if (below(3) > 0) for (const key of snapshots) await test.disk.data.del(key);
        await spoil(test, written, below);
        await codeOf(test.client.sessions.get(one));
        if (below(4) > 0) await recover(test, below);
        await note(test, written);
      }
      const { valid, dropped, problems } = await test.client.sessions.verify(one);
      const now = new Map(await test.disk.data.iterator(events).all());
      const wrong = [...written].filter(([key, value]) => now.get(key) !== value).map(([key]) => seqOf(key));
      const left = wrong.filter((seq) => !dropped.some(({ from, to }) => from <= seq && seq <= to));
      expect({ run, valid, problems: problems.length > 0 }).toEqual({
        ...{ run, valid: left.length === 0, problems: left.length > 0 },
      });
    }
  },
);
