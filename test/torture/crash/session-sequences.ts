// Random command sequences to one session, as the crash matrix wants them: mostly lawful where the session stands.
import type { SessionCommand } from '../../../src/domain/session/session-commands.ts';
import { sessionLaw } from '../../../src/domain/session/session-law.ts';
import type { SessionState } from '../../../src/domain/session/session-state.ts';
import type { EntityScenario } from '../../../src/testing/crash-matrix/entity-matrix.ts';
import { SessionLife } from '../../support/session-life.ts';
import { type Random, randomCommand } from '../random-moves.ts';

const startedAt = Date.UTC(2026, 0, 1);

/** From one to so many commands, at one time: no deadline lies between them but those that are due at once. */
export const sessionScenario = (most: number): EntityScenario<SessionState, SessionCommand> => ({
  law: sessionLaw,
  commands: (random) => randomSequence(random, most),
});

function randomSequence(random: Random, most: number): SessionCommand[] {
  const life = new SessionLife({ valueBytes: 2 ** 20 });
  return Array.from({ length: 1 + Math.floor(random() * most) }, () => {
    const { state, seq } = life;
    const version = 1 + Math.floor(random() * Math.max(1, seq));
    const earlier = { seq: version, state: life.at(version) };
    const command = randomCommand(random, { state, seq, now: startedAt, saved: undefined, earlier });
    life.send(command, startedAt);
    return command;
  });
}
