// Lives in every state that a session can be in, each opened at {@link openedAt} with one message, file and key.
import type { SessionCommand, StartAgent } from '../../src/domain/session/session-commands.ts';
import { defaultSessionConfig, type SessionConfig } from '../../src/domain/session/session-config.ts';
import type { SessionProfile } from '../../src/domain/session/session-events.ts';
import { type LifeOptions, SessionLife } from './session-life.ts';

export const openedAt = 1_000_000;
export const reason = 'because';

export const profile: SessionProfile = {
  name: 'alpha',
  agent: 'planner',
  metadata: { team: 'red' },
  llmConfig: { model: 'm-1' },
  config: defaultSessionConfig,
  parentSessionId: null,
};

export const opening = (config: Partial<SessionConfig> = {}): SessionCommand => ({
  type: 'session.create',
  profile: { ...profile, config: { ...defaultSessionConfig, ...config } },
});

export const message = (content: string | null, more: object = {}): SessionCommand => ({
  type: 'message.send',
  message: { role: 'user', content, ...more },
});

export const checkpoint = (
  checkpointReason: 'manual' | 'shutdown',
  more: { name?: string; description?: string } = {},
): SessionCommand => ({
  ...{ type: 'checkpoint.create', reason: checkpointReason, name: null, description: null, metadata: {} },
  ...more,
});

/** An active session: created at {@link openedAt}, with a message (seq 3), a file and a key of the same time. */
export function openLife(config: Partial<SessionConfig> = {}, options: LifeOptions = {}): SessionLife {
  const life = new SessionLife(options);
  for (const command of [
    opening(config),
    message('hello'),
    { type: 'file.add', path: 'a.ts', metadata: { language: 'ts' } },
    { type: 'memory.set', key: 'goal', value: 'ship' },
  ] satisfies SessionCommand[]) {
    life.send(command, openedAt);
  }
  return life;
}

const after = (...commands: readonly SessionCommand[]): SessionLife => {
  const life = openLife();
  for (const command of commands) life.send(command, openedAt);
  return life;
};

const hibernate: SessionCommand = { type: 'session.hibernate', reason };
const pause: SessionCommand = { type: 'session.pause', reason };
const terminate: SessionCommand = { type: 'session.terminate', reason, cleanup: false };
const finish: SessionCommand = { type: 'session.finishTermination' };
const archive: SessionCommand = { type: 'session.archive', reason };

/** How each state is reached. `dormantPaused` was paused when it was hibernated; `initializing` was never opened. */
export const lives = {
  initializing: () => new SessionLife(),
  active: () => after(),
  idle: () => after({ type: 'session.fallQuiet', to: 'idle', at: openedAt }),
  paused: () => after(pause),
  dormant: () => after(hibernate),
  dormantPaused: () => after(pause, hibernate),
  terminating: () => after(terminate),
  terminated: () => after(terminate, finish),
  archived: () => after(terminate, finish, archive),
  deleted: () => after(terminate, finish, archive, { type: 'session.delete', reason }),
} as const satisfies Record<string, () => SessionLife>;

export type StateName = keyof typeof lives;
export const stateNames = Object.keys(lives) as readonly StateName[];

/** The start of an agent run. */
export const startOf = (runId: string, more: Partial<StartAgent> = {}): StartAgent => ({
  ...{ type: 'agent.start', runId, agent: 'worker', role: null, restart: 'transient' },
  ...{ timeoutMs: null, input: { job: 1 }, ...more },
});
