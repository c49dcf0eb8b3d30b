// One start of a system, from the traces that were there before its store was opened to the receipt that says what was found:
// what it needs outlives the services, and ends with the system.
import type { SystemConfig } from '../base/config.ts';
import { HoldfastError, toError } from '../base/errors.ts';
import { monotonicMs, ownIdentity, type ProcessIdentity } from '../base/process-identity.ts';
import { sessionStream } from '../domain/session/session-law.ts';
import type { HeadGlance, StoredEvent } from '../journal/journal.ts';
import type { LevelJournal } from '../journal/level-journal.ts';
import type { RoutedJournal } from '../journal/routed-journal.ts';
import { BootCensus } from '../recovery/boot/boot-census.ts';
import {
  evidenceOf,
  findingsOf,
  findTraces,
  ownerDetails,
  type Traces,
} from '../recovery/boot/boot-evidence.ts';
import { BootLog } from '../recovery/boot/boot-log.ts';
import { type BootFacts, bootReceipt } from '../recovery/boot/boot-receipt.ts';
import { crashPolicy, judgeCrash } from '../recovery/boot/crash-cascade.ts';
import { Heartbeat } from '../recovery/boot/heartbeat.ts';
import { type HeartbeatStore, heartbeatFile, heartbeatMemory } from '../recovery/boot/heartbeat-store.ts';
import { ReceiptLog } from '../recovery/receipts/receipt-log.ts';
import { SessionRecoveries } from '../recovery/session-recoveries.ts';
import type { SessionManager } from '../session/session-manager.ts';
import type { RecoveryParts } from './recovery-parts.ts';
import { guardReplays } from './replay-parts.ts';
import type { Services } from './services.ts';
import type { Ports, SystemOptions } from './system-options.ts';

type BootOptions = Pick<SystemOptions, 'clock' | 'store' | 'heartbeats' | 'recovery'>;

export class Boot {
  readonly #config: SystemConfig;
  readonly #ports: Ports;
  readonly #given: BootOptions;
  /** The directory of the store, when it has one. */
  readonly #directory: string | undefined;
  readonly #beats: HeartbeatStore;
  readonly #heart: Heartbeat;
  readonly #monotonic: () => number;
  readonly #identity: ProcessIdentity = ownIdentity();
  readonly #beganAt: number;
  #traces: Traces = { beat: undefined, living: undefined };
  #parts: RecoveryParts | undefined;
  #census: BootCensus | 'taken' | undefined;

  constructor(config: SystemConfig, ports: Ports, given: BootOptions) {
    const { clock, telemetry } = ports;
    this.#config = config;
    this.#ports = ports;
    this.#given = given;
    this.#directory = given.store === undefined ? config.location : undefined;
    this.#beganAt = clock.now();
    this.#monotonic = given.clock === undefined ? monotonicMs : () => clock.now();
    const own = this.#directory === undefined ? heartbeatMemory() : heartbeatFile(this.#directory);
    this.#beats = given.heartbeats ?? own;
    const { heartbeatMs: everyMs } = config;
    const heart = { clock, telemetry, monotonic: this.#monotonic, owner: this.#identity, everyMs };
    this.#heart = new Heartbeat({ ...heart, store: this.#beats });
  }

  /** What a second opener is told comes with the age of the owner's newest beat. */
  async explained<T>(opening: Promise<T>): Promise<T> {
    try {
      return await opening;
    } catch (error) {
      throw HoldfastError.is(error, 'JOURNAL_LOCKED') ? await this.#withOwner(error) : error;
    }
  }

  async #withOwner(error: HoldfastError): Promise<HoldfastError> {
    const { heartbeatTimeoutMs } = this.#config;
    const owner = await ownerDetails(this.#beats, this.#identity, heartbeatTimeoutMs, () =>
      this.#ports.clock.now(),
    );
    if (owner === undefined) return error;
    return new HoldfastError('JOURNAL_LOCKED', { ...error.details, ...owner }, { cause: error });
  }

  /** Sees the sessions while the opening of the store counts its heads; anew when that begins anew. */
  readonly survey = (): { readonly prefix: string; readonly visit: (head: HeadGlance) => void } => {
    const census = new BootCensus(this.#ports.clock.now());
    if (this.#census !== 'taken') this.#census = census;
    return { prefix: sessionStream(''), visit: (head) => census.see(head) };
  };

  /** What the opening has seen, once: whoever starts the sessions again looks at them as they are then. */
  takeCensus(): BootCensus | undefined {
    const census = this.#census;
    this.#census = 'taken';
    return census === 'taken' ? undefined : census;
  }

  /** Once the journal is open: the heart begins to beat. */
  async open(
    journal: RoutedJournal,
    level: LevelJournal,
    tell: (sessionId: string, events: readonly StoredEvent[]) => void,
  ): Promise<void> {
    const { clock, agents } = this.#ports;
    const { opening } = level;
    const shared = { ...this.#ports, journal };
    const receiptLog = new ReceiptLog({ ...shared, tell });
    const recoveries = new SessionRecoveries({
      ...{ log: receiptLog, clock, epoch: journal.epoch, bootedAt: this.#beganAt },
      knowsAgent: (agent) => agents.has(agent),
    });
    this.#traces = await findTraces(opening, this.#beats, this.#identity);
    const findings = findingsOf(opening, this.#traces, this.#directory !== undefined);
    const options = this.#given.recovery ?? {};
    const replay = await guardReplays({
      ...shared,
      tell,
      records: level,
      directory: this.#directory,
      options,
    });
    this.#parts = { boots: new BootLog(shared), receiptLog, recoveries, findings, options, replay };
    await this.#heart.start();
  }

  get parts(): RecoveryParts {
    if (this.#parts === undefined) throw new HoldfastError('SYSTEM_NOT_SERVING', { status: 'starting' });
    return this.#parts;
  }

  /** Once the sessions stand, and once in the life of a system. */
  async record(level: LevelJournal, services: Services): Promise<void> {
    const { findings, boots } = this.parts;
    const census = services.census.counts;
    const quarantined = services.conditions.list('quarantined').length;
    const { beat } = this.#traces;
    const observer = { clock: this.#ports.clock, monotonic: this.#monotonic, identity: this.#identity };
    const freeBytes = await level.freeBytes();
    const evidence = evidenceOf({ findings, traces: this.#traces, observer, freeBytes });
    const { heartbeatTimeoutMs, minFreeBytes } = this.#config;
    const verdict = judgeCrash(evidence, { ...crashPolicy, heartbeatTimeoutMs, minFreeBytes });
    const facts: BootFacts = {
      ...{ beganAt: this.#beganAt, at: this.#ports.clock.now(), epoch: level.epoch },
      ...{ findings, verdict, census, quarantined },
      lastBeatAt: beat?.at ?? null,
      previousOwner: evidence.process?.owner ?? null,
      feedPosition: level.feedEnd(),
      hasHeartbeat: evidence.lastBeat !== undefined,
      hasDisk: freeBytes !== undefined,
    };
    const { crashed, primary } = verdict;
    this.#ports.telemetry('system.booted', { epoch: level.epoch, crashed, reason: primary });
    await boots.record(bootReceipt(facts));
    this.parts.replay.keeper.begin();
    for (const sessionId of census.unstarted) this.#endUnstarted(services.manager, sessionId);
  }

  /** Before the journal is closed: what waits to be written is given up, and the heart stands still. */
  async settle(): Promise<void> {
    await this.#heart.stop();
    await this.#parts?.replay.keeper.close();
    this.#parts?.boots.close();
    await this.#parts?.receiptLog.close();
  }

  /** Nobody can go on with it, and nobody would end it. */
  #endUnstarted(manager: SessionManager, sessionId: string): void {
    const command = {
      type: 'session.terminate',
      reason: 'its start was never finished',
      cleanup: false,
    } as const;
    manager.send(sessionId, command).catch((error: unknown) => {
      this.#ports.telemetry('session.wakeFailed', { sessionId, problem: toError(error).message });
    });
  }

  /** The last thing of an end in order. A directory has a mark of its own for it. */
  async ended(): Promise<void> {
    if (this.#directory === undefined) await this.#heart.farewell();
  }
}
