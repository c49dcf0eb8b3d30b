// The names of living sessions: `session:<id>` and `context:<id>`, held by one incarnation at a time, until it has ended.
import { Registry } from '../actor/registry.ts';
import type { Clock } from '../base/clock.ts';
import type { SessionActor } from './session-actor.ts';

export class LivingNames {
  readonly #clock: Clock;
  readonly #registry = new Registry<SessionActor>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  register(actor: SessionActor, incarnation: number): void {
    const { sessionId } = actor;
    const entry = { ref: actor, incarnation, registeredAt: this.#clock.now() };
    const names = [`session:${sessionId}`, `context:${sessionId}`];
    if (!names.every((name) => this.#registry.register(name, entry)))
      throw new Error(`${sessionId} is registered twice`);
    void actor.exited.then(() => {
      for (const name of names) this.#registry.unregister(name, incarnation);
    });
  }

  find(name: string): SessionActor | undefined {
    return this.#registry.find(name);
  }
}
