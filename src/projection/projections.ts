// All projections of a system: begun together once it serves, asked for by name, stopped together.
import { HoldfastError } from '../base/errors.ts';
import type { ProjectionInfo } from '../operations/views/views.ts';
import type { RunningProjection } from './running-projection.ts';

export class Projections {
  readonly #running: readonly RunningProjection[];

  constructor(running: readonly RunningProjection[]) {
    this.#running = running;
  }

  /** Loads them in the background; who asks one of them waits for it. */
  begin(): void {
    for (const running of this.#running) running.begin();
  }

  list(): Promise<readonly ProjectionInfo[]> {
    return Promise.all(this.#running.map((running) => running.info()));
  }

  /** @throws HoldfastError `PROJECTION_NOT_FOUND` */
  async rebuild(name: string): Promise<ProjectionInfo> {
    const running = this.#running.find((other) => other.name === name);
    if (running === undefined) throw new HoldfastError('PROJECTION_NOT_FOUND', { name });
    await running.rebuild();
    return running.info();
  }

  async stop(): Promise<void> {
    await Promise.all(this.#running.map((running) => running.stop()));
  }
}
