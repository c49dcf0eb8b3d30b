// Who wants to hear that a child is down: once, with the incarnation that ended. As in OTP a monitor is for one incarnation;
// who wants to follow the next one monitors again.
import type { Exit } from './child-spec.ts';

/** An end; or that nobody of this id was alive, which is said at once. */
export type Down =
  | { readonly id: string; readonly incarnation: number; readonly exit: Exit }
  | { readonly id: string; readonly incarnation: null; readonly exit: { readonly reason: 'noproc' } };

export type DownListener = (down: Down) => void;

interface Monitor {
  readonly incarnation: number;
  readonly listener: DownListener;
}

export class Monitors {
  readonly #incarnationOf: (id: string) => number | undefined;
  readonly #monitors = new Map<string, Set<Monitor>>();

  /** `incarnationOf` says which incarnation of an id is alive. */
  constructor(incarnationOf: (id: string) => number | undefined) {
    this.#incarnationOf = incarnationOf;
  }

  /** Monitors that wait for an end. */
  get size(): number {
    let size = 0;
    for (const monitors of this.#monitors.values()) size += monitors.size;
    return size;
  }

  /** The returned function ends the monitor: from then on nothing is heard of it. The listener is never called within this call. */
  monitor(id: string, listener: DownListener): () => void {
    const incarnation = this.#incarnationOf(id);
    return incarnation === undefined ? sayNobody(id, listener) : this.#add(id, { incarnation, listener });
  }

  /** Tells who monitors this incarnation, and forgets them; a second time, or late, there is nobody left to tell. */
  down({ id, incarnation, exit }: Extract<Down, { readonly incarnation: number }>): void {
    for (const monitor of [...(this.#monitors.get(id) ?? [])]) {
      if (monitor.incarnation === incarnation && this.#remove(id, monitor))
        tell(monitor.listener, { id, incarnation, exit });
    }
  }

  #add(id: string, monitor: Monitor): () => void {
    const monitors = this.#monitors.get(id) ?? new Set();
    this.#monitors.set(id, monitors.add(monitor));
    return () => void this.#remove(id, monitor);
  }

  #remove(id: string, monitor: Monitor): boolean {
    const monitors = this.#monitors.get(id);
    const removed = monitors?.delete(monitor) ?? false;
    if (monitors?.size === 0) this.#monitors.delete(id);
    return removed;
  }
}

function sayNobody(id: string, listener: DownListener): () => void {
  let wanted = true;
  queueMicrotask(() => {
    if (wanted) tell(listener, { id, incarnation: null, exit: { reason: 'noproc' } });
  });
  return () => {
    wanted = false;
  };
}

function tell(listener: DownListener, down: Down): void {
  try {
    listener(down);
  } catch {
    // a listener that throws harms only itself
  }
}
