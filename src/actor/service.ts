// Child specs and children for the parts of a system that must always be there.
import type { ChildSpec, Exit, RestartPolicy, SupervisedChild } from './child-spec.ts';

/** How often a service may fail is its supervisor's to say. */
const always: RestartPolicy = {
  restart: 'permanent',
  intensity: { maxRestarts: 3, periodMs: 5_000 },
  backOff: { firstMs: 0, longestMs: 0 },
};

/** A part of the system that must always be there. Its own children bound how long it takes to end. */
export function service(id: string, start: () => Promise<SupervisedChild>): ChildSpec<SupervisedChild> {
  return { id, policy: always, shutdown: 'infinity', start };
}

/** A service that has no life of its own, and so no end but the one that it is told. */
export function resting(id: string, stop: () => Promise<void>): SupervisedChild {
  let end: (exit: Exit) => void = () => {};
  const exited = new Promise<Exit>((resolve) => {
    end = resolve;
  });
  const ended = (): void => end({ reason: 'shutdown' });
  const standing = { kind: 'worker', status: 'running', incarnation: 1, restarts: 0 } as const;
  return {
    exited,
    hasProgressed: () => false,
    stop: () => stop().finally(ended),
    kill: () => void stop().finally(ended),
    tree: () => ({ ...standing, id }),
  };
}
