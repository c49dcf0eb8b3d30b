// A space without a system: commands are decided and their events applied, as an entity does it, with nothing to wait for.
import type { ErrorCode } from '../../src/base/errors.ts';
import type { LawEvent } from '../../src/domain/law.ts';
import type { MergeRegistry } from '../../src/domain/space/merge-policies.ts';
import type { SpaceCommand, SpaceWrite } from '../../src/domain/space/space-commands.ts';
import type { PolicyRule } from '../../src/domain/space/space-events.ts';
import { spaceLaw, spaceStream } from '../../src/domain/space/space-law.ts';
import type { SpaceState } from '../../src/domain/space/space-state.ts';

const stream = spaceStream('s');

export type Told = Readonly<Record<string, unknown>> & { readonly code?: ErrorCode };

export class SpaceLife {
  readonly #law: ReturnType<typeof spaceLaw>;
  readonly events: LawEvent[] = [];
  state: SpaceState;

  constructor(policies: readonly PolicyRule[], registry: MergeRegistry = new Map(), keptVersions = 50) {
    this.#law = spaceLaw(registry);
    this.state = this.#law.initial(stream);
    const life = { name: null, scope: 'named', owner: null, durability: 'fsync' } as const;
    this.send({ type: 'space.create', ...life, keptVersions, policies });
    for (const sessionId of ['a', 'b']) this.send({ type: 'space.join', sessionId });
  }

  get seq(): number {
    return this.events.length;
  }

  /** What it answers, or the code of the refusal. */
  send(command: SpaceCommand): Told {
    const decision = this.#law.decide(this.state, command, this.seq, this.seq);
    if ('refusal' in decision) return { code: decision.refusal.code };
    for (const { type, data } of decision.events) {
      const event = { stream, seq: this.seq + 1, at: this.seq, type, typeVersion: 1, data };
      this.state = applied(this.#law.evolve(this.state, event));
      this.events.push(event);
    }
    return decision.reply ?? {};
  }

  write(write: SpaceWrite, by = 'a'): Told {
    const one = { reads: [], writes: [write], isTransaction: false, by, cause: null };
    return this.send({ type: 'space.write', ...one });
  }

  /** As from a snapshot. */
  reload(): void {
    this.state = this.#law.decode(this.#law.encode(this.state));
  }

  valueOf(key: string): unknown {
    return this.state.entries.get(key)?.value;
  }

  get text(): string {
    return this.#law.encode(this.state);
  }

  /** The state that the events lead to, each through JSON as the journal keeps it. A registry is not there: none is asked. */
  get replayed(): string {
    const law = spaceLaw();
    const stored = JSON.parse(JSON.stringify(this.events)) as LawEvent[];
    return law.encode(
      stored.reduce((state, event) => applied(law.evolve(state, event)), law.initial(stream)),
    );
  }
}

function applied(next: SpaceState | undefined): SpaceState {
  if (next === undefined) throw new Error('an event that was decided is not lawful');
  return next;
}
