// What a supervisor knows of a child: plain data, and one function that starts it.
import { HoldfastError } from '../base/errors.ts';
import type { SupervisionNode } from './supervision-tree.ts';

/** permanent: always restarted; transient: only after a crash; temporary: never. */
type RestartType = 'permanent' | 'transient' | 'temporary';

/** How a child ended. `normal` and `shutdown` are no crashes. */
export type Exit =
  | { readonly reason: 'normal' | 'shutdown' }
  | { readonly reason: 'crash'; readonly error: Error; readonly again?: Again };

/**
 * How one that crashed is to be started again, where that is not as ever. `free`: whatever its policy, at once, and charged to no
 * account: it has waited, or will. `later`: behind a back-off also the first time. `never`: it would be the same again.
 */
export type Again = 'free' | 'later' | 'never';

/** An end that nobody asked for: one that was killed had been told to end. */
export function isCrash(exit: Exit): exit is Exit & { readonly reason: 'crash' } {
  return exit.reason === 'crash' && !HoldfastError.is(exit.error, 'KILLED');
}

/** More than `maxRestarts` crashes within `periodMs` are too many; one that is exactly `periodMs` old still counts. */
export interface Intensity {
  readonly maxRestarts: number;
  readonly periodMs: number;
}

/** The first restart is at once; then the delay doubles up to `longestMs`. */
interface BackOff {
  readonly firstMs: number;
  readonly longestMs: number;
}

export interface RestartPolicy {
  readonly restart: RestartType;
  readonly intensity: Intensity;
  readonly backOff: BackOff;
}

/** A session, where the system's options do not say otherwise: ten restarts in a minute of uptime. */
export const sessionRestartPolicy: RestartPolicy = {
  restart: 'transient',
  intensity: { maxRestarts: 10, periodMs: 60_000 },
  backOff: { firstMs: 10, longestMs: 30_000 },
};

/** An agent whose budget does not say otherwise: five restarts in a minute of uptime, then it is the session's crash. */
export const agentRestartPolicy: RestartPolicy = {
  restart: 'transient',
  intensity: { maxRestarts: 5, periodMs: 60_000 },
  backOff: { firstMs: 10, longestMs: 30_000 },
};

/** The system's own services, all together: three restarts in five seconds. */
export const systemIntensity: Intensity = { maxRestarts: 3, periodMs: 5_000 };

/** How long a child may take to stop before it is killed: not at all, as long as it likes, or so many milliseconds. */
export type Shutdown = 'brutal_kill' | 'infinity' | number;

export const defaultShutdown: Shutdown = 5_000;

export interface SupervisedChild {
  /** Settles once, when the child has ended of itself, was stopped or was killed; then nothing of it goes on that counts. */
  readonly exited: Promise<Exit>;
  /** True once something of its work became durable. */
  hasProgressed(): boolean;
  /** Asks it to end in order. Asking one that has ended does nothing. */
  stop(): Promise<void>;
  /** By force and at once: whatever it still does is abandoned, and `exited` settles. */
  kill(): void;
  /** What it is still busy with, by name; asked before it is killed, so that the report can say what was abandoned. */
  unfinished?(): readonly string[];
  /** What is to be seen of it, and of what it supervises itself. */
  tree?(): SupervisionNode;
}

export interface ChildSpec<Child extends SupervisedChild> {
  readonly id: string;
  readonly policy: RestartPolicy;
  /** By default 5,000 ms. A supervisor is best given `infinity`: its own children bound it. */
  readonly shutdown?: Shutdown;
  /** Starts one incarnation, counted from 1 for the first. */
  start(incarnation: number): Promise<Child>;
}
