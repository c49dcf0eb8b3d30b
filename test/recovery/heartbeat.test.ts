// A heart beats beside everything else: it notes its stalls, disturbs nobody, and says last that the end was in order.
import { mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { Heartbeat } from '../../src/recovery/boot/heartbeat.ts';
import { type Beat, heartbeatFile, heartbeatMemory } from '../../src/recovery/boot/heartbeat-store.ts';
import { manualClock } from '../../src/testing/manual-clock.ts';

const owner = { pid: 7, startedAt: '100', bootId: 'boot-1' };

function heartOn(store = heartbeatMemory(), everyMs = 10_000) {
  const clock = manualClock();
  const written: Beat[] = [];
  const reports: string[] = [];
  let stalled = 0;
  const heart = new Heartbeat({
    store: {
      read: () => store.read(),
      async write(beat) {
        await store.write(beat);
        written.push(beat);
      },
    },
    clock,
    monotonic: () => clock.now() + stalled,
    telemetry: (name) => reports.push(name),
    owner,
    everyMs,
  });
  const stall = (ms: number) => {
    stalled += ms;
  };
  return { clock, heart, written, reports, stall };
}

describe('a heart', () => {
  test('beats at once and then in its interval, and counts its beats', async () => {
    const { clock, heart, written } = heartOn();
    await heart.start();
    await clock.advance(29_999);
    expect(written.map(({ beats, at }) => [beats, at - (written[0]?.at ?? 0)])).toEqual([
      [1, 0],
      [2, 10_000],
      [3, 20_000],
    ]);
    await heart.stop();
    await clock.advance(60_000);
    expect([written.length, clock.pending]).toEqual([3, 0]);
  });

  test('notes how long its event loop stood still', async () => {
    const { clock, heart, written, stall } = heartOn();
    await heart.start();
    stall(4_000);
    await clock.advance(10_000);
    stall(1_000);
    await clock.advance(10_000);
    expect(written.map(({ stalledMs }) => stalledMs)).toEqual([0, 4_000, 5_000]);
    expect(heart.stalledMs).toBe(5_000);
  });

  test('says with its very last beat that the end was in order, and not without', async () => {
    const { heart, written } = heartOn();
    await heart.start();
    await heart.stop();
    expect(written.at(-1)?.graceful).toBeUndefined();
    await heart.farewell();
    expect(written.at(-1)).toMatchObject({ beats: 2, graceful: true });
  });

  test('that cannot be noted is told of, and goes on', async () => {
    let fails = true;
    const { clock, heart, written, reports } = heartOn({
      read: async () => undefined,
      write: async () => {
        if (fails) throw new Error('no space');
      },
    });
    await heart.start();
    expect(reports).toEqual(['heartbeat.failed']);
    fails = false;
    await clock.advance(10_000);
    expect(written.map(({ beats }) => beats)).toEqual([2]);
  });

  test('is not overtaken by its next beat while the disk is slow', async () => {
    const releases: (() => void)[] = [];
    const { clock, heart, written } = heartOn({
      read: async () => undefined,
      write: () => new Promise<void>((resolve) => releases.push(resolve)),
    });
    const started = heart.start();
    await clock.advance(30_000);
    expect([releases.length, written.length]).toEqual([1, 0]);
    releases[0]?.();
    await started;
    await clock.advance(10_000);
    expect(releases.length).toBe(2);
  });

  test('does not beat at all with an interval of 0', async () => {
    const { clock, heart, written } = heartOn(heartbeatMemory(), 0);
    await heart.start();
    await heart.farewell();
    expect([written, clock.pending]).toEqual([[], 0]);
  });
});

describe('the file of beats', () => {
  test('holds the newest beat, leaves no draft, and reads damage as none', async () => {
    const directory = await mkdtemp(join(tmpdir(), 'holdfast-beats-'));
    try {
      const file = heartbeatFile(directory);
      expect(await file.read()).toBeUndefined();
      const beat: Beat = { at: 1, monotonicMs: 2, beats: 3, stalledMs: 4, owner };
      await file.write({ ...beat, beats: 2 });
      await file.write(beat);
      expect(await file.read()).toEqual(beat);
      expect(await readdir(directory)).toEqual(['heartbeat.json']);
      for (const text of ['', '{', 'null', '[]', '{"at":1}', JSON.stringify({ ...beat, at: 'x' })]) {
        await writeFile(join(directory, 'heartbeat.json'), text);
        expect(await file.read()).toBeUndefined();
      }
    } finally {
      await rm(directory, { recursive: true });
    }
  });
});
