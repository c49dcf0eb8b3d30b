// Opens the database of a directory and keeps watch over it: preflight and repair before LevelDB, comparison with the witness
// after it, the witness while it is open, and at its close the graceful flag, last of all.
import { isDeepStrictEqual } from 'node:util';
import { HoldfastError, toError } from '../../base/errors.ts';
import type { Telemetry } from '../../base/telemetry.ts';
import type { Write } from '../commit-loop.ts';
import type { Store } from '../level-store.ts';
import { damagedTables } from './damaged-tables.ts';
import { countHeads, type HeadTally, type LookAtHead } from './head-tally.ts';
import { currentManifest, logLengths, syncLogs } from './log-files.ts';
import { scanLog } from './log-scan.ts';
import { type LostMarker, recoveredMarker, textOfLost, unproven } from './marker-recovery.ts';
import { openDatabase } from './open-database.ts';
import { checkOpening, type OpeningFindings } from './opening-check.ts';
import { tellOpening } from './opening-telling.ts';
import { inspectDatabase, type KnownFiles, type Suspicion, textOfSuspicion, unsound } from './preflight.ts';
import { endedSoon } from './short-life.ts';
import { claimedDirectory, type StoreDirectory } from './store-directory.ts';
import { assertOwn } from './store-identity.ts';
import { type ClosedFacts, type Marker, type Repaired, withoutFlag, writeMarker } from './store-marker.ts';
import { claimDirectory, releaseDirectory } from './store-owner.ts';
import { finishRepair, interruptedRepair, repairStore } from './store-repair.ts';
import {
  type DamagedTable,
  type PreviousOwner,
  type StoreReport,
  unexamined,
  type WitnessState,
} from './store-report.ts';
import type { StoreVersions, VersionGate } from './store-versions.ts';
import type { ValueEnvelope } from './value-envelope.ts';
import { Witness } from './witness.ts';
import { readWitness, type Witnessed, witnessFiles } from './witness-files.ts';

export interface StoreKeeperOptions {
  readonly location: string;
  /** `auto`: what is damaged is repaired, on a copy, and reported. `refuse`: the store is left as it is found. */
  readonly repair: 'auto' | 'refuse';
  readonly telemetry: Telemetry;
  /** How values lie on the disk, where that is not as plain text. */
  readonly envelope: ValueEnvelope | undefined;
  /** Waited for before the opening writes its first value. */
  readonly beforeWrite: () => Promise<void>;
  /** Is shown every head that the opening counts: what it returns is asked for again when the opening begins anew. */
  readonly onHeads?: (() => LookAtHead) | undefined;
  /** Asked where the marker does not say any more with what the store was last written. */
  readonly gate?: VersionGate | undefined;
}

/** More files than these, one for each opening after a kill, are made one again. */
const mostWitnessFiles = 8;

export class StoreKeeper {
  #directory: StoreDirectory;
  readonly #options: StoreKeeperOptions;
  #marker: Marker;
  #db: Store | undefined;
  /** Opened, checked, and not handed out yet. */
  #first: Store | undefined;
  #witness: Witness | undefined;
  #report: StoreReport | undefined;
  #suspected: readonly Suspicion[] = [];
  #tally: HeadTally | undefined;
  #record: ((report: StoreReport) => Promise<void>) | undefined;
  /** True while nothing is known to be lost or damaged that was not recorded yet. */
  #settled = true;
  #recording: Promise<void> = Promise.resolve();
  /** Until the database has borne out whose it is nothing is written, and nothing repaired. */
  #lost: LostMarker | undefined;
  /** True until its tables have been looked at, where they may have ended the process before. */
  #isSuspect = false;

  constructor(directory: StoreDirectory, options: StoreKeeperOptions) {
    this.#directory = directory;
    this.#options = options;
    this.#marker = directory.marker;
    this.#lost = directory.lost;
  }

  /** Throws `JOURNAL_DAMAGED` when repair is refused, `JOURNAL_LOCKED`, `JOURNAL_OPEN_FAILED`, and what the disk says. */
  async start(): Promise<void> {
    const { root, database } = this.#directory;
    const begunAt = performance.now();
    this.#isSuspect = await endedSoon(root, database);
    if (this.#options.repair === 'refuse') await this.#assertSound();
    const previousOwner = await claimDirectory(root, this.#options.location);
    try {
      await this.#lookAgain();
      this.#report = await this.#open(begunAt, previousOwner);
      tellOpening(this.#options.telemetry, this.#report);
    } catch (error) {
      await this.#db?.close();
      await this.#witness?.close();
      await releaseDirectory(root);
      throw error;
    }
  }

  async #lookAgain(): Promise<void> {
    const { location, gate, telemetry } = this.#options;
    this.#directory = await claimedDirectory(location, gate);
    ({ marker: this.#marker, lost: this.#lost } = this.#directory);
    const { problem } = this.#directory;
    // Also where the opening then fails: a marker that was made anew does not say it a second time.
    if (problem !== undefined) telemetry('marker.unreadable', { problem });
  }

  /** The database: the one that was checked, then, after each incident, one that is opened anew. */
  async open(): Promise<Store> {
    const first = this.#first;
    this.#first = undefined;
    if (first !== undefined) return first;
    await this.#repairNow();
    const db = await this.#openDatabase(false);
    this.#db = db;
    try {
      const lost = (await this.#witness?.reopened(db)) ?? [];
      if (this.#marker.unchecked !== undefined) await this.#checkAgain(db, this.#marker.unchecked);
      for (const each of lost) this.#options.telemetry('journal.lost', { ...each });
      return db;
    } catch (error) {
      // Nobody else knows of it: left open, it would lock the next attempt out.
      await db.close();
      throw error;
    }
  }

  /** A suspicion alone, of files that look right, is not worth the store: where that repair cannot be made, it goes on as it is. */
  async #repairNow(): Promise<void> {
    const suspected = this.#suspected;
    this.#suspected = [];
    const found = await this.#inspect();
    try {
      await this.#repairIf([...found, ...suspected]);
    } catch (error) {
      if (found.length > 0) throw error;
      this.#options.telemetry('store.repairFailed', { problem: toError(error).message });
    }
  }

  /** What the opening found; of a database that had to be repaired since, that too. */
  get report(): StoreReport {
    return this.#report ?? unexamined;
  }

  /** LevelDB cannot go on with what it has: the next opening repairs it. */
  suspect(problem: string): boolean {
    if (this.#options.repair === 'refuse') return false;
    this.#suspected = [{ kind: 'database', file: this.#directory.database, problem }];
    return true;
  }

  damagedTables(pace: (bytes: number) => Promise<void>): Promise<readonly DamagedTable[]> {
    return damagedTables(this.#directory.database, pace);
  }

  committed(entry: Write, isDurable: boolean): void {
    this.#witness?.committed(entry, isDurable);
  }

  /**
   * Hands out what was found to be lost or damaged, until it has been recorded once: the witness then begins anew with what
   * there is, so that the next opening does not find the same again. What a later repair finds goes the same way.
   */
  async settle(record: (report: StoreReport) => Promise<void>): Promise<void> {
    this.#record = record;
    if (this.#settled) return;
    await record(this.report);
    this.#settled = true;
    await this.#checked();
    await this.#witness?.rebase();
  }

  /** From now on the store may hold what only these versions read. */
  async raise(versions: StoreVersions): Promise<void> {
    if (!isDeepStrictEqual(this.#marker.versions, versions)) await this.#write({ ...this.#marker, versions });
  }

  /** Nothing is written any more, and the database is whole. */
  async closing(db: Store): Promise<void> {
    await this.#recording;
    await this.#witness?.settle();
    this.#tally = (await countHeads(db)).tally;
  }

  /** The database is closed. The claim on its directory is left to a caller that `keepsClaim`. */
  async closed(keepsClaim = false): Promise<void> {
    try {
      await this.#witness?.close();
      const facts = await this.#closedFacts();
      // What nobody has recorded yet is to be found again.
      if (facts !== undefined && this.#settled) await this.#write({ ...this.#marker, closed: facts });
    } catch (error) {
      // Without the flag the next opening compares more. All that was answered is there.
      this.#options.telemetry('journal.incident', { problem: toError(error).message });
    } finally {
      if (!keepsClaim) await releaseDirectory(this.#directory.root);
    }
  }

  async #open(begunAt: number, previousOwner: PreviousOwner | undefined): Promise<StoreReport> {
    const { database, isNew, witness: folder, problem } = this.#directory;
    const interrupted = await finishRepair(database);
    const closed = interrupted === undefined ? await this.#closedBefore() : undefined;
    const witnessed = await this.#readWitness(closed);
    const suspicions = isNew ? [] : await this.#inspect(closed, witnessed?.manifest);
    const before = this.#marker.unchecked ?? interruptedRepair(interrupted);
    const repaired = (await this.#repairIf(suspicions)) ?? before;
    // The graceful flag goes before anything is written that it knows nothing of.
    if (this.#marker.closed !== undefined) await this.#write(withoutFlag(this.#marker));
    const opened = await this.#openChecked(closed, witnessed, repaired);
    this.#settled = opened.findings.lost.length + opened.findings.damaged.length === 0;
    const found = opened.witnessed ?? (await witnessFiles(folder));
    const state = this.#stateOf(found);
    this.#witness = await this.#beginWitness(found, state);
    if (isNew || this.#marker.witnessed !== true) await this.#write({ ...this.#marker, witnessed: true });
    await this.#checked();
    return {
      shutdown: isNew ? 'new' : closed === undefined ? 'unclean' : 'clean',
      ...(closed === undefined && previousOwner !== undefined && { previousOwner }),
      ...(opened.repaired && { repaired: opened.repaired }),
      logFindings: await scanLog(database),
      witness: state,
      ...(problem !== undefined && { marker: problem }),
      ...opened.findings,
      tookMs: Math.round(performance.now() - begunAt),
    };
  }

  /** Where LevelDB cannot read what an opening reads, it is repaired after all. */
  async #openChecked(
    closed: ClosedFacts | undefined,
    witnessed: Witnessed | undefined,
    repaired: Repaired | undefined,
  ): Promise<{
    repaired?: Repaired | undefined;
    witnessed?: Witnessed | undefined;
    findings: OpeningFindings;
  }> {
    const db = await this.#openDatabase(this.#directory.isNew);
    this.#db = db;
    try {
      await this.#proveMarker(db);
      const known = repaired ?? this.#marker.unchecked;
      const checked = await this.#check(db, known === undefined ? closed : undefined, witnessed, known);
      const own = { ...this.#directory, marker: this.#marker };
      await assertOwn(db, this.#options.location, own, this.#options.beforeWrite);
      this.#first = db;
      return { ...checked, repaired: known };
    } catch (thrown) {
      const error = toError(thrown);
      if (repaired !== undefined || !('code' in error) || error.code !== 'LEVEL_CORRUPTION') throw error;
      await db.close();
      const suspicion = { kind: 'database', file: this.#directory.database, problem: error.message } as const;
      return this.#openChecked(undefined, witnessed, await this.#repairIf([suspicion]));
    }
  }

  async #proveMarker(db: Store): Promise<void> {
    if (this.#lost === undefined) return;
    const { location, gate } = this.#options;
    await this.#write(await recoveredMarker(db, location, this.#lost, gate));
    this.#lost = undefined;
  }

  /** After a close in order two numbers say that all heads are there; only when they do not, the witness is asked. */
  async #check(
    db: Store,
    closed: ClosedFacts | undefined,
    known: Witnessed | undefined,
    repaired: Repaired | undefined,
  ): Promise<{ witnessed?: Witnessed; findings: OpeningFindings }> {
    if (closed !== undefined) {
      const count = await countHeads(db, this.#options.onHeads?.());
      if (count.equals(closed.heads))
        return { findings: { lost: [], damaged: [], checkedStreams: closed.heads.heads } };
    }
    const witnessed = known ?? (await this.#witnessedNow());
    const findings = await checkOpening(db, witnessed, repaired !== undefined, this.#options.onHeads?.());
    return { witnessed, findings };
  }

  async #checkAgain(db: Store, repaired: Repaired): Promise<void> {
    await this.#witness?.settle();
    const look = this.#options.onHeads?.();
    const { lost, damaged } = await checkOpening(db, await this.#witnessedNow(), true, look);
    this.#report = { ...this.report, repaired, lost, damaged };
    this.#settled &&= lost.length + damaged.length === 0;
    await this.#checked();
    const { telemetry } = this.#options;
    telemetry('store.repaired', { ...repaired });
    for (const each of lost) telemetry('journal.lost', { ...each });
    for (const each of damaged) telemetry('journal.damaged', { ...each });
    // It waits for the end of the incident, in which this runs. What cannot be recorded is found again by the next opening.
    if (this.#record !== undefined) this.#recording = this.settle(this.#record).catch(() => undefined);
  }

  async #inspect(closed?: ClosedFacts, manifest?: KnownFiles['manifest']): Promise<readonly Suspicion[]> {
    const { database, isNew, marker } = this.#directory;
    if (isNew) return [];
    const facts = closed ?? (this.#db === undefined ? marker.closed : undefined);
    const known = facts?.files ?? (manifest && { manifest });
    const { suspicions } = await inspectDatabase(database, known, facts !== undefined, this.#isSuspect);
    this.#isSuspect = false;
    return suspicions;
  }

  async #assertSound(): Promise<void> {
    const findings = (await this.#inspect()).map(textOfSuspicion);
    if (this.#lost !== undefined) findings.unshift(textOfLost(this.#lost));
    if (findings.length > 0) throw unsound(this.#options.location, findings);
  }

  async #repairIf(suspicions: readonly Suspicion[]): Promise<Repaired | undefined> {
    if (suspicions.length === 0) return undefined;
    const reasons = suspicions.map(textOfSuspicion);
    const { location, repair } = this.#options;
    if (repair === 'refuse') throw unsound(location, reasons);
    if (this.#lost !== undefined)
      throw unproven(location, this.#lost, `its database is damaged too (${reasons.join('; ')})`);
    const { unchecked } = this.#marker;
    // Whatever ends this before all of it was compared: whoever opens it next has to.
    await this.#write({ ...this.#marker, unchecked: { evidence: this.#directory.database, reasons } });
    try {
      const evidence = await repairStore(this.#directory.database, suspicions);
      await this.#write({ ...this.#marker, unchecked: { evidence, reasons } });
      return { evidence, reasons };
    } catch (error) {
      await this.#write({ ...this.#marker, unchecked });
      throw error;
    }
  }

  /** What was found of a repaired database, if anything, is recorded. */
  async #checked(): Promise<void> {
    if (this.#settled && this.#marker.unchecked !== undefined)
      await this.#write({ ...this.#marker, unchecked: undefined });
  }

  /** What the close before knew; nothing, when somebody else has opened the database since who knows no flag. */
  async #closedBefore(): Promise<ClosedFacts | undefined> {
    const { closed } = this.#marker;
    const now = await currentManifest(this.#directory.database);
    const isStale = now !== undefined && numberIn(now[0]) > numberIn(closed?.files.manifest[0] ?? now[0]);
    return isStale ? undefined : closed;
  }

  async #readWitness(closed: ClosedFacts | undefined): Promise<Witnessed | undefined> {
    return closed === undefined ? this.#witnessedNow() : undefined;
  }

  #witnessedNow(): Promise<Witnessed> {
    return readWitness(this.#directory.witness);
  }

  #stateOf({ state }: Pick<Witnessed, 'state'>): WitnessState {
    return state === 'none' && this.#marker.witnessed === true ? 'missing' : state;
  }

  async #beginWitness(
    { generation, files }: Pick<Witnessed, 'generation' | 'files'>,
    state: WitnessState,
  ): Promise<Witness> {
    const { witness: folder, database, isNew } = this.#directory;
    const { telemetry } = this.#options;
    const db = (): Store => {
      if (this.#db === undefined) throw new HoldfastError('JOURNAL_CLOSED');
      return this.#db;
    };
    const mayRebase = (): boolean => this.#settled;
    const options = { folder, database, telemetry, db, mayRebase };
    const witness = await Witness.open(options, generation, state !== 'whole');
    // What there is none of, or what cannot be believed any more, is made from what there is.
    const isOfUse = state === 'whole' || state === 'torn';
    if (this.#settled && !isNew && (!isOfUse || files > mostWitnessFiles)) void witness.rebase();
    return witness;
  }

  async #closedFacts(): Promise<ClosedFacts | undefined> {
    const { database } = this.#directory;
    const manifest = await currentManifest(database);
    if (this.#tally === undefined || manifest === undefined) return undefined;
    // What followed a trim was not synced: a loss of power would leave less than is written down here.
    await syncLogs(database);
    const files = { manifest, logs: await logLengths(database) };
    return { at: new Date().toISOString(), files, heads: this.#tally };
  }

  async #write(marker: Marker): Promise<void> {
    await writeMarker(this.#directory.root, marker);
    this.#marker = marker;
  }

  #openDatabase(createIfMissing: boolean): Promise<Store> {
    const { location, envelope } = this.#options;
    return openDatabase(this.#directory.database, { location, envelope, createIfMissing });
  }
}

const numberIn = (name: string): number => Number(/\d+/.exec(name)?.[0] ?? 0);
