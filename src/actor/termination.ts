// Ends a child and sees it end: asks, observes, and kills after the grace. Never a fixed delay, never longer than the grace.
import type { Clock } from '../base/clock.ts';
import { HoldfastError, toError } from '../base/errors.ts';
import type { Exit, Shutdown, SupervisedChild } from './child-spec.ts';

export interface Termination {
  readonly how: 'graceful' | 'forced';
  /** How it ended; of one that was forced, that it was killed. */
  readonly exit: Exit;
  /** What a child that was forced was still busy with. */
  readonly abandoned: readonly string[];
}

/**
 * Resolves when `exited` has settled, or when the child was killed because it did not settle within the grace or because
 * `stop()` threw. Never rejects.
 */
export function terminate(child: SupervisedChild, shutdown: Shutdown, clock: Clock): Promise<Termination> {
  return new Promise((resolve) => {
    let cancel = (): void => {};
    let over = false;
    const finish = (end: () => Termination): void => {
      if (over) return;
      over = true;
      cancel();
      resolve(end());
    };
    const force = (): void => finish(() => forced(child));
    if (shutdown === 'brutal_kill') {
      force();
      return;
    }
    void endOf(child).then((exit) => finish(() => ({ how: 'graceful', exit, abandoned: [] })));
    if (shutdown !== 'infinity') cancel = clock.schedule(shutdown, force);
    // One that has ended and then fails to stop has ended: what settled first is heard first.
    Promise.resolve()
      .then(() => child.stop())
      .catch(() => force());
  });
}

/** How a child ended. A promise of its end that is rejected is a crash like any other. */
function endOf(child: SupervisedChild): Promise<Exit> {
  return child.exited.catch(crashed);
}

/** Calls back with how a child ended, once. */
export function whenEnded(child: SupervisedChild, ended: (exit: Exit) => void): void {
  void child.exited.then(ended, (thrown: unknown) => ended(crashed(thrown)));
}

function crashed(thrown: unknown): Exit {
  return { reason: 'crash', error: toError(thrown) };
}

/** Kills, survives a kill that throws, and names what was abandoned. */
export function killNow(child: SupervisedChild): readonly string[] {
  const abandoned = unfinishedOf(child);
  try {
    child.kill();
  } catch {
    // it is abandoned all the same: its end is not waited for
  }
  return abandoned;
}

export function killed(): Exit {
  return { reason: 'crash', error: new HoldfastError('KILLED') };
}

function forced(child: SupervisedChild): Termination {
  return { how: 'forced', abandoned: killNow(child), exit: killed() };
}

export function unfinishedOf(child: SupervisedChild): readonly string[] {
  try {
    return child.unfinished?.() ?? [];
  } catch {
    return [];
  }
}
