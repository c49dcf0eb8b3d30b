// The crash matrix finds what breaks a promise, shows the shortest way to it, and is silent where none breaks.
import { describe, expect, test } from 'vitest';
import type { Law } from '../../src/domain/law.ts';
import type { Store } from '../../src/journal/level-store.ts';
import { synced } from '../../src/journal/stream-writer.ts';
import { entityScenario } from '../../src/testing/crash-matrix/entity-matrix.ts';
import { CrashMatrixError, type CrashScenario, crashMatrix } from '../../src/testing/index.ts';
import type { ManualClock } from '../../src/testing/manual-clock.ts';
import { add, type Ledger, type LedgerCommand, ledgerLaw } from '../support/ledger.ts';
import { type Mistake, notebookScenario } from '../support/notebook.ts';

const ledger = {
  law: ledgerLaw,
  commands: (random: () => number): LedgerCommand[] =>
    Array.from({ length: 1 + Math.floor(random() * 6) }, (_, n) => {
      const kind = random();
      if (kind < 0.1) return { type: 'ledger.look' };
      if (kind < 0.2) return { type: 'ledger.refuse' };
      return { ...add(`line ${n}`), times: 1 + Math.floor(random() * 2) };
    }),
};

const failureOf = async (run: Promise<unknown>): Promise<CrashMatrixError> => {
  const error = await run.then(
    () => new Error('nothing was found'),
    (thrown: unknown) => thrown,
  );
  if (error instanceof CrashMatrixError) return error;
  throw error;
};

/** Each point is recovered twice and verified; every third goes on to the end, which is most of what one costs. */
const finishEvery = 3;

// A machine that does a dozen other things takes ten times as long.
describe('what keeps its promises passes', () => {
  test('an entity on the journal, at every operation, by every fault', async () => {
    const { points, pointsByFault, recoveries } = await crashMatrix.entity(ledger, {
      ...{ sequences: 2, errors: 25, finishEvery },
    });
    expect(Object.keys(pointsByFault).length).toBe(6);
    expect(points).toBeGreaterThan(80);
    expect(recoveries).toBeGreaterThan(40);
  });

  test('with commands under way together', async () => {
    const { points } = await crashMatrix.entity(ledger, {
      ...{ sequences: 2, inFlight: 3, errors: 15, finishEvery },
    });
    expect(points).toBeGreaterThan(80);
  });

  test('whose answers wait for the operating system alone: a loss of power takes the end of them, and no more', async () => {
    const law: Law<Ledger, LedgerCommand> = { ...ledgerLaw, durability: () => 'os' };
    const { pointsByFault } = await crashMatrix.entity(
      { ...ledger, law },
      {
        ...{ sequences: 3, errors: 5, finishEvery },
      },
    );
    // With a tail that is not synced there are more ways to end than one.
    expect(pointsByFault['crash-after']).toBeGreaterThan(100);
  });

  test('a program of another kind, on the store itself', async () => {
    const { points } = await crashMatrix(notebookScenario(), { sequences: 4, errors: 30, finishEvery });
    expect(points).toBeGreaterThan(200);
  });

  test('a program that shows what has fallen due, at whatever time it comes back over the same contents', async () => {
    type Move = 'set' | 'wait' | 'other';
    const reminders: CrashScenario<{ readonly db: Store; readonly clock: ManualClock }, Move> = {
      start: async ({ store, clock }) => ({ db: await store(), clock }),
      commands: ['set', 'wait', 'other'],
      async run({ db, clock }, move) {
        if (move === 'wait') await clock.advance(60_000);
        else await db.put(move, String(clock.now() + 30_000), synced);
      },
      async read({ db, clock }) {
        const [dueAt, other] = await db.getMany(['set', 'other']);
        return { isDue: dueAt !== undefined && Number(dueAt) <= clock.now(), other: other !== undefined };
      },
      stop: ({ db }) => db.close(),
    };
    const { points } = await crashMatrix(reminders, { sequences: 1 });
    expect(points).toBeGreaterThan(5);
  });
});

describe('finds in a small program on the bare store', () => {
  test.each<[Mistake, number]>([
    ['apply before append', 2],
    ['go on after an I/O error', 1],
    ['no sync', 1],
    ['trim before snapshot', 3],
    ['ack before append', 1],
    ['re-hash on mismatch', 1],
  ])('%s, within %i sequences', async (mistake, sequences) => {
    const error = await failureOf(crashMatrix(notebookScenario(mistake), { sequences: 20 }));
    expect(error.place.sequence).toBeLessThanOrEqual(sequences);
  });
});

describe('finds around the entity of the journal', () => {
  type Scenario = CrashScenario<
    { readonly entity: { send(command: LedgerCommand): Promise<unknown> } },
    LedgerCommand
  >;
  const right = entityScenario(ledger) as unknown as Scenario;

  const mistakes: Readonly<Record<string, Scenario>> = {
    'an owner that answers before the append': {
      ...right,
      run: async ({ entity }, command) => void entity.send(command).catch(() => undefined),
    },
    'one that goes on after an I/O error': {
      ...right,
      run: ({ entity }, command) => entity.send(command).catch(() => undefined),
    },
    'one that shows what is decided and not yet appended': appliedFirst(),
    'a store that is told not to sync': {
      ...right,
      start: (ports) =>
        right.start({
          ...ports,
          store: async () => {
            const db = await ports.store();
            const batch = db.batch.bind(db) as unknown as (...args: unknown[]) => { write(): Promise<void> };
            const unsynced = (...args: unknown[]): unknown => {
              if (args.length > 0) return batch(...args);
              const chained = batch();
              const write = chained.write.bind(chained);
              return Object.assign(chained, { write: () => write() });
            };
            return Object.assign(db, { batch: unsynced }) as typeof db;
          },
        }),
    },
  };

  test.each(Object.keys(mistakes))('%s, in the first sequences', async (name) => {
    const error = await failureOf(crashMatrix(mistakes[name] as Scenario, { sequences: 20 }));
    expect(error.place.sequence).toBeLessThanOrEqual(2);
    expect(error.place.commands.length).toBeLessThanOrEqual(2);
  });

  /** The state is taken from the law while it decides. */
  function appliedFirst(): Scenario {
    const decided = new WeakMap<object, { state: unknown }>();
    let shown: { state: unknown } = { state: undefined };
    const law: Law<Ledger, LedgerCommand> = {
      ...ledgerLaw,
      evolve(state, event) {
        shown.state = ledgerLaw.evolve(state, event);
        return shown.state as Ledger;
      },
    };
    const scenario = entityScenario({ ...ledger, law }) as unknown as Scenario;
    return {
      ...scenario,
      async start(ports) {
        shown = { state: ledgerLaw.initial('') };
        const mine = shown;
        const handle = await scenario.start(ports);
        decided.set(handle, mine);
        return handle;
      },
      read: (handle) => decided.get(handle)?.state,
    };
  }
});

describe('a failure', () => {
  const losing = notebookScenario('no sync');

  test('is shown with the fewest commands, the earliest point, and how to run just it again', async () => {
    const error = await failureOf(crashMatrix(losing, { seed: 3, sequences: 20 }));
    expect(error.place.commands.length).toBe(1);
    expect(error.message).toContain('the state is none that the answers allow.');
    expect(error.message).toMatch(/Seed 3, sequence \d+: crash-\w+ at operation \d+ of the disk/);
    expect(error.message).toMatch(/Expected:\n.*line \d+.*\nFound:\n\s+\[\]/s);
    expect(error.message).toContain(`{ seed: 3, only: ${JSON.stringify(error.place)} }`);
    const again = await failureOf(crashMatrix(losing, { seed: 3, only: error.place }));
    expect(again.message).toBe(error.message);
  });

  test('does not appear again where the mistake is mended', async () => {
    const { place } = await failureOf(crashMatrix(losing, { seed: 3, sequences: 20 }));
    const { points } = await crashMatrix(notebookScenario(), { seed: 3, only: place });
    expect(points).toBeLessThanOrEqual(1);
  });

  test('of a check of your own is one too', async () => {
    const scenario: typeof losing = {
      ...notebookScenario(),
      check(state) {
        if ((state as readonly string[]).length > 2) throw new Error('more than two lines');
      },
    };
    const error = await failureOf(crashMatrix(scenario, { sequences: 20 }));
    expect(error.message).toContain('the check failed: more than two lines');
    expect(error.place.commands.length).toBe(3);
  });

  test('is a promise for later that does not come, on the disk that was recovered and in the process that went on', async () => {
    const scenario: typeof losing = {
      ...notebookScenario(),
      async later() {
        throw new Error('it is too old');
      },
    };
    for (const kind of [{ errors: 0 }, { crashes: 0 }]) {
      const error = await failureOf(crashMatrix(scenario, { sequences: 20, shrinks: 0, ...kind }));
      expect(error.message).toContain('what is promised for later does not come: it is too old');
    }
  });

  test('is a recovery that refuses to start', async () => {
    const scenario: typeof losing = {
      ...notebookScenario(),
      async start(ports) {
        if (ports.newId().startsWith('start3')) throw new Error('not a second time');
        return notebookScenario().start(ports);
      },
    };
    const error = await failureOf(crashMatrix(scenario, { sequences: 20, errors: 0 }));
    expect(error.message).toContain('recovery 2 failed: not a second time');
  });
});

test('the same seed tries the same points', async () => {
  const run = () => crashMatrix(notebookScenario(), { seed: 9, sequences: 2, crashes: 20, errors: 5 });
  expect(await run()).toEqual(await run());
});

test.each([
  [{ seed: -1 }, 'seed'],
  [{ sequences: 0 }, 'sequences'],
  [{ inFlight: 5 }, 'inFlight'],
  [{ crashes: 1.5 }, 'crashes'],
  [{ faults: ['flood' as never] }, 'flood'],
])('options that are not as they should be are refused: %j', async (options, named) => {
  await expect(crashMatrix(notebookScenario(), options)).rejects.toThrow(TypeError);
  await expect(crashMatrix(notebookScenario(), options)).rejects.toThrow(named);
});

test('a run that fails by a mistake of its own is thrown, and no matrix in which nothing happens is called good', async () => {
  const mistaken: CrashScenario<unknown, string> = {
    ...notebookScenario(),
    run: () => Promise.reject(new TypeError('no method of that name')),
  };
  await expect(crashMatrix(mistaken, { sequences: 1, crashes: 1, errors: 1 })).rejects.toThrow(
    new TypeError('no method of that name'),
  );
});
