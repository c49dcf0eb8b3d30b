// Monitors: each end is heard once, with the incarnation that ended, and a listener that throws harms nobody.
import { expect, test } from 'vitest';
import type { Exit } from '../../src/actor/child-spec.ts';
import { type Down, Monitors } from '../../src/actor/monitors.ts';
import { quiet } from '../support/outcome.ts';

const exit: Exit = { reason: 'shutdown' };

function monitors() {
  const alive = new Map<string, number>([['a', 1]]);
  const heard: Down[] = [];
  return {
    alive,
    heard,
    hear: (down: Down): void => void heard.push(down),
    monitors: new Monitors((id) => alive.get(id)),
  };
}

test('an end is told once, with its incarnation', () => {
  const { monitors: all, heard, hear } = monitors();
  all.monitor('a', hear);
  all.down({ id: 'a', incarnation: 1, exit });
  all.down({ id: 'a', incarnation: 1, exit });
  all.down({ id: 'a', incarnation: 2, exit });
  expect(heard).toEqual([{ id: 'a', incarnation: 1, exit }]);
  expect(all.size).toBe(0);
});

test('a late end of an old incarnation is not told to who monitors the next', () => {
  const { monitors: all, alive, heard, hear } = monitors();
  alive.set('a', 2);
  all.monitor('a', hear);
  all.down({ id: 'a', incarnation: 1, exit });
  expect([heard, all.size]).toEqual([[], 1]);
});

test('ends of other ids are not told', () => {
  const { monitors: all, heard, hear } = monitors();
  all.monitor('a', hear);
  all.down({ id: 'b', incarnation: 1, exit });
  expect(heard).toEqual([]);
});

test('that nobody of the id is alive is told at once, but not within the call', async () => {
  const { monitors: all, heard, hear } = monitors();
  all.monitor('nobody', hear);
  expect(heard).toEqual([]);
  await quiet(1);
  expect(heard).toEqual([{ id: 'nobody', incarnation: null, exit: { reason: 'noproc' } }]);
});

test('what was demonitored is not heard, and demonitoring twice takes away nobody else', async () => {
  const { monitors: all, heard, hear } = monitors();
  const end = all.monitor('a', hear);
  const other = all.monitor('a', hear);
  all.monitor('nobody', hear)();
  end();
  end();
  await quiet(1);
  all.down({ id: 'a', incarnation: 1, exit });
  other();
  expect(heard).toHaveLength(1);
  expect(all.size).toBe(0);
});

test('a listener that throws keeps nobody else from hearing', async () => {
  const { monitors: all, heard, hear } = monitors();
  const broken = (): never => {
    throw new Error('no');
  };
  all.monitor('a', broken);
  all.monitor('a', hear);
  all.monitor('nobody', broken);
  all.down({ id: 'a', incarnation: 1, exit });
  await quiet(1);
  expect(heard).toHaveLength(1);
});

test('a listener that demonitors another while an end is told, or monitors anew, is taken at its word', () => {
  const { monitors: all, heard, hear } = monitors();
  let endSecond = (): void => {};
  all.monitor('a', () => {
    endSecond();
    all.monitor('a', hear);
  });
  endSecond = all.monitor('a', hear);
  all.down({ id: 'a', incarnation: 1, exit });
  expect(heard).toEqual([]);
  expect(all.size).toBe(1);
});
