// All projections of a system: loaded together at boot, asked for by name, stopped together.
import { HoldfastError } from '../base/errors.ts';
import type { Cursor, Head } from '../journal/journal.ts';
import type { ProjectionInfo } from '../operations/views.ts';
import type { RunningProjection } from './running-projection.ts';

export class Projections {
  readonly #running: readonly RunningProjection[];

  constructor(running: readonly RunningProjection[]) {
    this.#running = running;
  }

  load(heads: readonly Head[]): void {
    for (const running of this.#running) running.load(heads);
  }

  begin(from: Cursor): void {
    for (const running of this.#running) running.begin(from);
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
