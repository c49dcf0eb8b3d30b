// The single writer: one group at a time, streams in turn, bounded, and nothing forgotten.
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { CommitLoop, type PendingCommit } from '../../src/journal/commit-loop.ts';
import { StreamHeads } from '../../src/journal/head/stream-heads.ts';
import type { Head } from '../../src/journal/journal.ts';

interface Written {
  readonly loop: CommitLoop;
  /** The names of the commits of each group. */
  readonly groups: string[][];
  readonly settled: string[];
  readonly add: (stream: string, n: number, bytes?: number) => void;
}

function loopOf(groupBytes: number, write: (group: number) => Promise<void> = async () => {}): Written {
  const groups: string[][] = [];
  const settled: string[] = [];
  const names = new Map<PendingCommit, string>();
  const loop = new CommitLoop({
    groupBytes,
    onFailure: (cause) => settled.push(cause.message),
    async write(group) {
      groups.push(group.map((commit) => names.get(commit) ?? ''));
      await write(groups.length);
      return 'fsync';
    },
  });
  const add = (stream: string, n: number, bytes = 1): void => {
    const name = `${stream}${n}`;
    const commit = {
      ...{ stream, bytes, writes: [], events: [], needsSync: true },
      committed: () => settled.push(`${name} committed`),
      failed: () => settled.push(`${name} failed`),
      dropped: () => settled.push(`${name} dropped`),
    };
    names.set(commit, name);
    loop.add(commit);
  };
  return { loop, groups, settled, add };
}

describe('a commit loop', () => {
  test('takes all that waits into one group, and the streams in turn', async () => {
    const { loop, groups, add } = loopOf(100);
    for (const n of [1, 2, 3]) add('a', n);
    add('b', 1);
    for (const n of [1, 2]) add('c', n);
    await loop.drain();
    expect(groups).toEqual([['a1', 'b1', 'c1', 'a2', 'c2', 'a3']]);
  });

  test('lets a stream with little to say pass one with much, however full the groups are', async () => {
    const { loop, groups, add } = loopOf(2);
    for (let n = 1; n <= 6; n++) add('a', n);
    add('b', 1);
    add('c', 1);
    await loop.drain();
    expect(groups).toEqual([
      ['a1', 'b1'],
      ['c1', 'a2'],
      ['a3', 'a4'],
      ['a5', 'a6'],
    ]);
  });

  test('takes at most 128 appends into one group, and tells those of one while the disk has the next', async () => {
    const toldWhenHandedOver: number[] = [];
    const toldWhileAway: number[] = [];
    const { loop, groups, settled, add } = loopOf(1_000_000, async () => {
      toldWhenHandedOver.push(settled.length);
      await Promise.resolve();
      toldWhileAway.push(settled.length);
    });
    for (let n = 1; n <= 300; n++) add(`s${n}-`, 1);
    await loop.drain();
    expect(groups.map((group) => group.length)).toEqual([128, 128, 44]);
    expect(toldWhenHandedOver).toEqual([0, 0, 128]);
    expect(toldWhileAway).toEqual([0, 128, 256]);
    expect(settled.length).toBe(300);
  });

  test('that fails has told of what was durable before, and of nothing else', async () => {
    const { loop, settled, add } = loopOf(1_000_000, async (group) => {
      if (group === 2) throw new Error('the disk');
    });
    for (let n = 1; n <= 300; n++) add(`s${n}-`, 1);
    await loop.drain();
    const ends = (how: string): number => settled.filter((said) => said.endsWith(how)).length;
    expect([ends('committed'), ends('failed'), ends('dropped')]).toEqual([128, 128, 44]);
    expect(settled.slice(0, 128).every((said) => said.endsWith('committed'))).toBe(true);
  });

  test('writes one group at a time and gathers the next while the disk works', async () => {
    let release = (): void => {};
    const gate = new Promise<void>((resolve) => {
      release = resolve;
    });
    const { loop, groups, settled, add } = loopOf(100, (group) => (group === 1 ? gate : Promise.resolve()));
    add('a', 1);
    await Promise.resolve();
    for (const stream of ['b', 'c']) add(stream, 1);
    expect(groups).toEqual([['a1']]);
    expect(loop.backlogBytes).toBe(2);
    release();
    await loop.drain();
    expect(groups).toEqual([['a1'], ['b1', 'c1']]);
    expect(settled).toEqual(['a1 committed', 'b1 committed', 'c1 committed']);
    expect(loop.backlogBytes).toBe(0);
  });

  test('after a failed write tells its group that it failed and the others that they were dropped, and stands still', async () => {
    const { loop, settled, add } = loopOf(2, () => Promise.reject(new Error('no')));
    for (const stream of ['a', 'b', 'c']) add(stream, 1);
    await loop.drain();
    add('d', 1);
    expect(settled).toEqual(['no', 'a1 failed', 'b1 failed', 'c1 dropped', 'd1 dropped']);
    expect(loop.backlogBytes).toBe(0);
  });

  test('goes on after it was resumed', async () => {
    const { loop, settled, add } = loopOf(2, (group) =>
      group === 1 ? Promise.reject(new Error('no')) : Promise.resolve(),
    );
    add('a', 1);
    await loop.drain();
    loop.resume();
    add('a', 2);
    await loop.drain();
    expect(settled).toEqual(['no', 'a1 failed', 'a2 committed']);
  });

  test('keeps the order of each stream, never exceeds a group by more than its last commit, and loses nothing', async () => {
    const commit = fc.record({ stream: fc.constantFrom('a', 'b', 'c', 'd'), bytes: fc.nat(5) });
    await fc.assert(
      fc.asyncProperty(
        fc.array(commit, { maxLength: 60, size: 'max' }),
        fc.integer({ min: 1, max: 12 }),
        async (commits, limit) => {
          const { loop, groups, add } = loopOf(limit);
          const sizes = new Map<string, number>();
          for (const [n, { stream, bytes }] of commits.entries()) {
            sizes.set(`${stream}${n}`, bytes);
            add(stream, n, bytes);
          }
          await loop.drain();
          for (const stream of ['a', 'b', 'c', 'd']) {
            const own = [...sizes.keys()].filter((name) => name.startsWith(stream));
            expect(groups.flat().filter((name) => name.startsWith(stream))).toEqual(own);
          }
          for (const group of groups) {
            const bytes = group.slice(0, -1).reduce((sum, name) => sum + (sizes.get(name) ?? 0), 0);
            expect(bytes).toBeLessThan(limit);
          }
        },
      ),
    );
  });
});

describe('the heads in memory', () => {
  const none = (): Head | undefined => undefined;

  test('are forgotten oldest first when they are too many, but never one that has appends waiting', () => {
    let reads = 0;
    const heads = new StreamHeads(() => {
      reads += 1;
      return undefined;
    }, 4);
    const first = heads.get('a');
    first.waiting = 1;
    for (const stream of ['b', 'c', 'd', 'e', 'f']) heads.get(stream);
    expect(heads.get('a')).toBe(first);
    expect(reads).toBe(6);
    heads.get('b');
    expect(reads).toBe(7);
  });

  test('stay one for each stream, also when every one of them has appends waiting', () => {
    const heads = new StreamHeads(none, 4);
    const streams = Array.from({ length: 100 }, (_, i) => `s${i}`);
    for (const stream of streams) {
      const head = heads.get(stream);
      head.waiting += 1;
      expect(heads.get(stream)).toBe(head);
    }
    expect(streams.map((stream) => heads.get(stream).waiting)).toEqual(streams.map(() => 1));
  });
});
