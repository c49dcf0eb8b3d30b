// What serves sessions: conditions, their manager, projections and operations. One incarnation of it lives at a time, and all
// of it is made anew when the sessions are started again.
import type { SystemConfig } from '../base/config.ts';
import { laterOnce } from '../base/loop-turns.ts';
import { Coordination } from '../collaboration/coordination.ts';
import { Handoffs } from '../collaboration/handoffs/handoffs.ts';
import { SessionLinks } from '../collaboration/links/session-links.ts';
import { Memories } from '../collaboration/memories/memories.ts';
import { Spaces } from '../collaboration/spaces/spaces.ts';
import { Tasks } from '../collaboration/tasks/tasks.ts';
import { sessionStream } from '../domain/session/session-law.ts';
import { statusOf } from '../domain/session/session-state.ts';
import type { Announcement } from '../entity/announcement.ts';
import { Follower } from '../entity/follower.ts';
import { backupHandlers } from '../jobs/backup-handlers.ts';
import type { Backups } from '../jobs/backups.ts';
import type { StoredEvent } from '../journal/journal.ts';
import type { LevelJournal } from '../journal/level-journal.ts';
import type { RoutedJournal } from '../journal/routed-journal.ts';
import { bindOperations, type Call, type Handlers, type Invoke } from '../operations/bind.ts';
import { dispatchCoded } from '../operations/coded-payloads.ts';
import type { Dispatch } from '../operations/operation.ts';
import type { createLiveCounts } from '../projection/live-counts.ts';
import { projectionHandlers } from '../projection/projection-handlers.ts';
import { Projections } from '../projection/projections.ts';
import { RunningProjection } from '../projection/running-projection.ts';
import { SessionList } from '../projection/session-list.ts';
import type { LocalPubSub } from '../pubsub/local-pubsub.ts';
import { BootCensus } from '../recovery/boot/boot-census.ts';
import { GivenUp, withoutGivenUp } from '../recovery/chain/given-up.ts';
import { Conditions } from '../recovery/conditions/conditions.ts';
import { recordFound } from '../recovery/conditions/found-damage.ts';
import { quarantineFindings } from '../recovery/conditions/store-findings.ts';
import { noteLostParkings, quarantineParkings } from '../recovery/parked/parked-findings.ts';
import type { OwnedCode } from '../session/agents/owned-code.ts';
import { forgetFork } from '../session/fork/fork-register.ts';
import { AnalysisCache } from '../session/handlers/analysis-cache.ts';
import { analysisHandlers } from '../session/handlers/analysis-handlers.ts';
import type { ErasureOperation } from '../session/handlers/erasure-handlers.ts';
import { sessionHandlers } from '../session/handlers/session-handlers.ts';
import { Summaries } from '../session/handlers/summaries.ts';
import { summaryHandlers } from '../session/handlers/summary-handlers.ts';
import { ToolUsages } from '../session/handlers/tool-usage.ts';
import { SessionManager } from '../session/session-manager.ts';
import { globalTopic, sessionTopic } from '../session/topics.ts';
import type { RecoveryParts } from './recovery-parts.ts';
import { Storage } from './storage.ts';
import type { Ports } from './system-options.ts';
import { waitingOut } from './waiting-out.ts';

export interface Services {
  readonly conditions: Conditions;
  readonly manager: SessionManager;
  readonly projections: Projections;
  readonly census: BootCensus;
  readonly operations: ReturnType<typeof bindOperations>;
  readonly storage: Storage;
  readonly tasks: Tasks;
  readonly spaces: Spaces;
  readonly memories: Memories;
  readonly links: SessionLinks;
  readonly handoffs: Handoffs;
  readonly coordination: Coordination;
}

/** What outlives an incarnation of the services. */
export interface Surroundings {
  readonly config: SystemConfig;
  readonly ports: Ports;
  /** What `journal` keeps on the disk. */
  readonly level: LevelJournal;
  readonly journal: RoutedJournal;
  readonly backups: Backups;
  readonly pubsub: LocalPubSub<Announcement>;
  readonly liveCounts: ReturnType<typeof createLiveCounts>;
  readonly owned: OwnedCode;
  readonly recovery: RecoveryParts;
  /** What the opening of the store has seen of its sessions, for the first incarnation. */
  readonly census: BootCensus | undefined;
  /** Tells a follower of the feed that there is more. */
  readonly onGrowth: (wake: () => void) => () => void;
  /** Throws while nothing is served. */
  readonly admit: () => void;
}

export async function makeServices(surroundings: Surroundings): Promise<Services> {
  const { config, ports, level, journal, pubsub, owned, recovery, admit } = surroundings;
  const census = surroundings.census ?? (await takeCensus(journal, ports.clock.now()));
  const shared = { ...ports, journal, pubsub };
  const conditions = await Conditions.load({ ...shared, tell: tellVia(pubsub) });
  const manager = new SessionManager({
    ...config,
    ...shared,
    conditions,
    recoveries: recovery.recoveries,
    beside: [
      recovery.receiptLog,
      recovery.replay.keeper,
      { forget: (id) => tasks.forget(id) },
      { forget: (id) => memories.forget(id) },
      {
        forget: async (id) => uncache(id),
      },
      { forget: (id) => forgetFork(journal, id) },
      { forget: (id) => links.forget(id) },
      { forget: (id) => handoffs.forget(id) },
    ],
    dispatchAs: (caller) =>
      codedFor(ports, (name, input, options) =>
        waitingOut(journal, options?.signal, () => operations.dispatchAs(caller)(name, input, options)),
      ),
    runOwned: owned.run,
    goesOn: owned.goesOn,
  });
  await ports.agents.ends.learn(journal);
  const tasks = new Tasks({
    ...{ ...ports, ...shared, mailboxSize: config.mailboxSize, given: ports.tasks },
    ...sessionsFor(manager, pubsub),
    invoke: (name, input, call) => invokeForOwner(name, input, call),
  });
  const cache = new AnalysisCache(config.analysisBytes);
  const givenUp = new GivenUp(level);
  const storage = new Storage({
    ...{ ...config, ...ports, journal: level },
    quarantine: (sessionId, error) => manager.quarantine(sessionId, 'damaged', error),
    isGivenUp: (stream, seq) => givenUp.has(stream, seq),
  });
  const spaces = new Spaces({ ...config, ...shared, topic: globalTopic });
  const memories = new Memories({
    ...{ ...ports, ...shared, mailboxSize: config.mailboxSize, promotion: ports.memories },
    ...sessionsFor(manager, pubsub),
  });
  const invokeForOwner: Invoke = async (name, input, call) =>
    operations.invoke(name, input, name === 'agents.start' ? await forOwner(manager, input, call) : call);
  const summaries = new Summaries({ ...ports, invoke: invokeForOwner });
  const usages = new ToolUsages(journal);
  const uncache = (sessionId: string): void => {
    cache.clear(sessionId);
    summaries.forget(sessionId);
    usages.forget(sessionId);
    ports.agents.streams.forget(sessionId);
  };
  const links = new SessionLinks({
    ...{ ...config, ...shared, topic: globalTopic },
    session: async (sessionId) => {
      const { state } = await manager.read(sessionId);
      const { durability = 'fsync' as const, tree, parentSessionId } = state.profile;
      return { status: statusOf(state), durability, tree, parentSessionId };
    },
    invoke: (name, input, call) => operations.invoke(name, input, call),
  });
  const handoffs = new Handoffs({
    ...{ ...ports, ...shared, topic: globalTopic, onGrowth: surroundings.onGrowth },
    send: (sessionId, command, meta) => manager.send(sessionId, command, meta),
    read: (sessionId) => manager.read(sessionId),
    end: (sessionId, reason) => operations.invoke('sessions.terminate', { sessionId, reason }, {}),
  });
  const coordination = new Coordination({
    ...{ ...shared, mailboxSize: config.mailboxSize, policy: ports.conflicts, topic: globalTopic },
    session: sessionsFor(manager, pubsub).session,
    isQuarantined: (sessionId) => manager.health.quarantine(sessionId) !== undefined,
    invoke: (name, input, call) => operations.invoke(name, input, call),
  });
  const sessions = sessionList(surroundings, conditions);
  const projections = new Projections([sessions]);
  const ofSessions = sessionHandlers({
    ...{ ...config, ...shared, manager, conditions, recovery },
    ...{ records: level, space: storage.space, tasks: tasks.forMerges },
  });
  const operations = bindOperations({
    handlers: {
      ...ofSessions,
      ...links.creating(ofSessions['sessions.create']),
      ...links.handlers,
      ...projectionHandlers({ ...shared, projections, sessions }),
      ...storage.handlers,
      ...tasks.handlers,
      ...backupHandlers(surroundings),
      ...spaces.handlers,
      ...memories.handlers,
      ...summaryHandlers({ ...shared, summaries, usages, read: (id) => manager.read(id) }),
      ...analysisHandlers({ cache, clock: ports.clock, session: (id) => manager.read(id) }),
      ...erasingBeside(ofSessions, memories, uncache),
      ...handoffs.handlers,
      'sessions.import': async (input, call) => {
        const imported = await ofSessions['sessions.import'](input, call);
        await handoffs.takeIn(imported.sessionId);
        return imported;
      },
      ...coordination.handlers,
    },
    clock: ports.clock,
    timeoutMs: config.operationTimeoutMs,
    admit,
  });
  recovery.replay.keeper.serveBy(manager, poisonedOf(conditions));
  try {
    await level.settleFindings(async (report) => {
      const opening = await withoutGivenUp(journal, report);
      await recordFound(opening, conditions, recovery, ports.telemetry);
      await quarantineFindings(conditions, opening);
      noteLostParkings(recovery.replay.parked, opening);
      await quarantineParkings(conditions, recovery.replay.parked, ports.telemetry);
    });
    await quarantineParkings(conditions, recovery.replay.parked, ports.telemetry);
    adoptStored(manager, census);
    return {
      conditions,
      manager,
      projections,
      census,
      operations,
      storage,
      tasks,
      spaces,
      memories,
      links,
      handoffs,
      coordination,
    };
  } catch (error) {
    // Its alarms are set already: it would wake sessions beside the one that is started in its place.
    manager.kill();
    await Promise.all([conditions.close(), projections.stop()]);
    throw error;
  }
}

/** Sessions that could not be folded, or not all of them, when they were last tried. */
const poisonedOf = (conditions: Conditions): readonly string[] =>
  conditions
    .list('quarantined')
    .filter(({ error }) => error?.code === 'SESSION_POISONED')
    .map(({ sessionId }) => sessionId);

/** Sessions as those see them whose streams stand beside. */
const sessionsFor = (manager: SessionManager, pubsub: LocalPubSub<Announcement>) => ({
  session: async (sessionId: string) => {
    const { state } = await manager.read(sessionId);
    const { durability = 'fsync' as const } = state.profile;
    return { status: statusOf(state), durability, refusal: manager.health.refusalOf(sessionId) };
  },
  publish: (sessionId: string, announcement: Announcement): void => {
    pubsub.publish(sessionTopic(sessionId), announcement);
    pubsub.publish(globalTopic, announcement);
  },
  listen: (sessionId: string, listener: (announcement: Announcement) => void) =>
    pubsub.subscribe(sessionTopic(sessionId), listener),
});

/** What stands beside a session is erased with it; what a crash leaves over the next call erases. */
function erasingBeside(
  ofSessions: Pick<Handlers, ErasureOperation>,
  memories: Memories,
  cached: (sessionId: string) => void,
): Handlers<ErasureOperation> {
  return {
    'messages.erase': async (input, call) => {
      const answer = await ofSessions['messages.erase'](input, call);
      cached(input.sessionId);
      return answer;
    },
    'sessions.erase': async (input, call) => {
      const answer = await ofSessions['sessions.erase'](input, call);
      cached(input.sessionId);
      const purged = await memories.eraseAll(input.sessionId, input.reason, call);
      return { ...answer, purged: answer.purged && purged };
    },
  };
}

/** What the system itself starts in a session it starts for whoever owns the session then. */
async function forOwner(manager: SessionManager, input: unknown, call: Call): Promise<Call> {
  const { sessionId } = input as { readonly sessionId: string };
  const { owner = null, ownershipEpoch: epoch = 0 } = (await manager.read(sessionId)).state.ownership ?? {};
  return owner === null ? call : { ...call, ownership: { owner, epoch } };
}

/** Agents read and write payloads as clients do. */
const codedFor = ({ codecs }: Ports, dispatch: Dispatch): Dispatch =>
  codecs === undefined ? dispatch : dispatchCoded(codecs, dispatch);

function sessionList(
  { ports, journal, liveCounts: live, onGrowth }: Surroundings,
  conditions: Conditions,
): RunningProjection<SessionList> {
  const now = (): number => ports.clock.now();
  return new RunningProjection({
    ...ports,
    ...{ journal, unjournaled: journal.volatile },
    create: () => new SessionList({ journal, live, now, conditions: () => conditions.list() }),
    // Whoever asks a list has it catch up first.
    follow: (following) =>
      new Follower({ ...ports, journal, onGrowth: (wake) => onGrowth(laterOnce(wake)), ...following }),
  });
}

export const tellVia =
  (pubsub: LocalPubSub<Announcement>) =>
  (sessionId: string, durable: readonly StoredEvent[]): void => {
    pubsub.publish(sessionTopic(sessionId), { durable });
    pubsub.publish(globalTopic, { durable });
  };

async function takeCensus(journal: RoutedJournal, now: number): Promise<BootCensus> {
  const census = new BootCensus(now);
  await journal.survey(sessionStream(''), (head) => census.see(head));
  return census;
}

/** Boot sees heads and reads nothing else. A session with nothing due is counted, and nothing is kept of it. */
function adoptStored(manager: SessionManager, census: BootCensus): void {
  for (const [status, count] of census.resting) manager.open.count(status, count);
  manager.adopt(census.takeDue());
}
