// What a supervisor knows of a child: plain data, and one function that starts it.

/** permanent: always restarted; transient: only after a crash; temporary: never. */
type RestartType = 'permanent' | 'transient' | 'temporary';

/** How a child ended. `normal` and `shutdown` are no crashes. */
export type Exit =
  | { readonly reason: 'normal' | 'shutdown' }
  | { readonly reason: 'crash'; readonly error: Error };

/** More than `maxRestarts` crashes within `periodMs` of uptime are too many. */
interface Intensity {
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

/** A session: ten restarts in a minute of uptime. */
export const sessionRestartPolicy: RestartPolicy = {
  restart: 'transient',
  intensity: { maxRestarts: 10, periodMs: 60_000 },
  backOff: { firstMs: 10, longestMs: 30_000 },
};

export interface SupervisedChild {
  /** Settles once, when the child has ended of itself or was stopped. */
  readonly exited: Promise<Exit>;
  /** True once something of its work became durable. */
  hasProgressed(): boolean;
  stop(): Promise<void>;
}

export interface ChildSpec<Child extends SupervisedChild> {
  readonly id: string;
  readonly policy: RestartPolicy;
  /** Starts one incarnation, counted from 1 for the first. */
  start(incarnation: number): Promise<Child>;
}
