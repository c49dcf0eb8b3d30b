// One incarnation of an entity that is no session, as a child of its supervisor: it lives until it is let go, or until its law or
// its journal fails it.
import type { Exit, SupervisedChild } from '../actor/child-spec.ts';
import type { Command } from '../domain/law.ts';
import { Entity } from '../entity/entity.ts';
import type { EntityPorts } from '../entity/entity-options.ts';
import type { StoredEvent } from '../journal/journal.ts';

export interface HostedEntityOptions<State, C extends Command> {
  readonly ports: EntityPorts<State, C>;
  readonly stream: string;
  readonly incarnation: number;
  readonly tell: (events: readonly StoredEvent[], state: State) => void;
}

export class HostedEntity<State, C extends Command> implements SupervisedChild {
  readonly exited: Promise<Exit>;
  readonly entity: Entity<State, C>;
  #isEnding = false;
  readonly #end: (exit: Exit) => void;

  static async start<State, C extends Command>(
    options: HostedEntityOptions<State, C>,
  ): Promise<HostedEntity<State, C>> {
    const { ports, stream } = options;
    const hydrated = await Entity.read(ports, stream);
    return new HostedEntity(options, hydrated);
  }

  private constructor(
    { ports, stream, incarnation, tell }: HostedEntityOptions<State, C>,
    hydrated: Awaited<ReturnType<typeof Entity.read<State, C>>>,
  ) {
    let end: (exit: Exit) => void = () => {};
    this.exited = new Promise((resolve) => {
      end = resolve;
    });
    this.#end = end;
    const crash = (error: Error): void => end({ reason: 'crash', error });
    this.entity = new Entity(ports, { stream, incarnation, become: () => {}, tell, crash }, hydrated);
  }

  /** False once it is being let go: what is sent to it from then on is not taken. */
  get isOpen(): boolean {
    return !this.#isEnding;
  }

  hasProgressed(): boolean {
    return this.entity.progressed;
  }

  /** What was sent before is answered; a snapshot makes the next start short. */
  async stop(): Promise<void> {
    this.#isEnding = true;
    await this.entity.settle();
    await this.entity.snapshot().catch(() => undefined);
    this.kill();
  }

  kill(): void {
    this.#isEnding = true;
    this.entity.abandon(new Error('it was let go'));
    this.#end({ reason: 'shutdown' });
  }
}
