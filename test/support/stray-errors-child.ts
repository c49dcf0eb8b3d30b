// A process whose code fails outside of every promise and call that anybody waits for. Its argument says how; what is caught is printed.
import { readFile } from 'node:fs';
import { captureStrayErrors } from '../../src/actor/stray-errors.ts';

const later = (): void => {
  throw new Error('stray error of the test');
};
const refuse = (): boolean => false;
const told =
  (who: string) =>
  (owner: string, error: Error): boolean => {
    console.log(`${who} ${owner}: ${error.message}`);
    return true;
  };

const ways: Readonly<Record<string, () => void>> = {
  timer: () => void setTimeout(later, 1),
  immediate: () => void setImmediate(later),
  tick: () => process.nextTick(later),
  fs: () => readFile('/nowhere', later),
  rejection: () => void (async () => later())(),
  awaited: () => void Promise.resolve().then(async () => later()),
  text: () => void Promise.reject('only a text'),
};

const capture = (who: string) => captureStrayErrors(told(who));

const cases: Readonly<Record<string, () => void>> = {
  attributed() {
    const strays = capture('first');
    for (const [owner, fail] of Object.entries(ways)) strays.run(owner, fail);
  },
  twoSystems() {
    const [first, second] = [capture('first'), capture('second')];
    second.run('b', () => setTimeout(later, 1));
    first.run('a', () => void (async () => later())());
  },
  closedOnTaking() {
    const first = captureStrayErrors((owner) => {
      first.close();
      console.log(`taken for ${owner}`);
      return true;
    });
    capture('second');
    first.run('a', () => setTimeout(later, 1));
  },
  unknown() {
    capture('first');
    setTimeout(later, 1);
  },
  unknownRejection() {
    capture('first');
    void (async () => later())();
  },
  refused: () => captureStrayErrors(refuse).run('a', () => setTimeout(later, 1)),
  refusedRejection: () => captureStrayErrors(refuse).run('a', () => void (async () => later())()),
  throwing: () => captureStrayErrors(later as () => boolean).run('a', () => setTimeout(later, 1)),
  closed() {
    const strays = capture('first');
    strays.run('a', () => setTimeout(later, 1));
    strays.close();
  },
  /** Who listens beside us decides as if we were not there, and hears what it would have heard. */
  besideOthers() {
    process.on('uncaughtException', (error, origin) => console.log(`other: ${error.message} ${origin}`));
    const strays = capture('first');
    setTimeout(later, 1);
    void (async () => later())();
    strays.run('a', () => setTimeout(later, 20));
  },
};

setTimeout(() => console.log('lived on'), 200);
cases[process.argv[2] ?? '']?.();
