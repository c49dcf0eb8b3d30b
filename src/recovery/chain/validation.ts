// Is a stored session what it says that it is? Four levels, each with all checks of the one before it and some that it does
// not have. Warnings tell of what is unusual and proves nothing; only errors fail.
import { HoldfastError, toError } from '../../base/errors.ts';
import { sha256 } from '../../base/hash.ts';
import { conditionStream } from '../../domain/recovery/condition-law.ts';
import { recoveryStream } from '../../domain/recovery/recovery-law.ts';
import {
  type ChainFacts,
  type SeqRange,
  type ValidationLevel,
  validationLevels,
} from '../../domain/recovery/recovery-vocabulary.ts';
import { sessionStream } from '../../domain/session/session-law.ts';
import { knewErased } from '../../entity/missing-payloads.ts';
import type { Cursor, Head, Journal, Snapshot, StoredEvent } from '../../journal/journal.ts';
import type { IntegrityProblem } from '../../operations/views/integrity-views.ts';
import { baseOf, factsIn, gaveUp, generationOf, nextGeneration } from './chain-generation.ts';
import { findBases, foldProvable } from './provable.ts';
import { eventsOf, type MetSnapshot, verdictOn, verifyStream } from './verification.ts';

interface Finding {
  readonly severity: 'error' | 'warning';
  readonly check: string;
  readonly seq: number | null;
  readonly problem: string;
}

export interface ValidationReport {
  readonly level: ValidationLevel;
  /** True when there is no error. */
  readonly ok: boolean;
  /** What was looked at, in that order. */
  readonly checks: readonly string[];
  /** Events that were read for it. */
  readonly events: number;
  /** The first 100. */
  readonly findings: readonly Finding[];
}

const mostFindings = 100;
const whole = 'chain, snapshots and checkpoints';

export async function validateSession(
  journal: Journal,
  sessionId: string,
  level: ValidationLevel,
): Promise<ValidationReport> {
  const validation = new Validation(journal, sessionId);
  const reach = validationLevels.indexOf(level);
  for (const [index, name] of validationLevels.entries())
    if (index <= reach && !(await validation.run(name))) break;
  const { checks, events, findings } = validation;
  return { level, ok: findings.every(({ severity }) => severity === 'warning'), checks, events, findings };
}

class Validation {
  readonly checks: string[] = [];
  readonly findings: Finding[] = [];
  events = 0;
  readonly #journal: Journal;
  readonly #sessionId: string;
  #head: Head | undefined;
  #dropped: readonly SeqRange[] = [];

  constructor(journal: Journal, sessionId: string) {
    this.#journal = journal;
    this.#sessionId = sessionId;
  }

  /** False when nothing more can be looked at. */
  async run(level: ValidationLevel): Promise<boolean> {
    if (level === 'minimal') return this.#minimal();
    const head = this.#head;
    if (head === undefined) return false;
    if (level === 'standard') await this.#check('tail', () => this.#tail(head));
    if (level === 'comprehensive') await this.#check(whole, () => this.#whole(head));
    if (level === 'forensic') {
      await this.#check('recoveries', () => this.#beside(recoveryStream(this.#sessionId), head));
      await this.#check('condition', () => this.#beside(conditionStream(this.#sessionId), head));
      await this.#check('feed', () => this.#feed(head));
    }
    return true;
  }

  async #minimal(): Promise<boolean> {
    await this.#check('head', async () => {
      this.#head = await this.#journal.head(sessionStream(this.#sessionId));
      if (this.#head === undefined) this.#error('head', null, 'there is no such session');
    });
    const head = this.#head;
    if (head === undefined) return false;
    await this.#check('newest snapshot', async () => {
      const newest = await this.#newest(head);
      if (newest !== undefined && sha256(newest.state) !== newest.stateHash)
        this.#warning('newest snapshot', newest.seq, 'its state does not match its hash');
    });
    return true;
  }

  /** A snapshot that does not hold costs time, and proves nothing against the session. */
  async #newest({ stream }: Head): Promise<Snapshot | undefined> {
    const damaged = (seq: number): void =>
      this.#warning('newest snapshot', seq, 'it does not match its checksum');
    for await (const snapshot of this.#journal.snapshots(stream, damaged)) return snapshot;
    return undefined;
  }

  /** What a recovery has given up is no damage any more: the generation behind it begins anew. */
  async #tail(head: Head): Promise<void> {
    const { usable } = await findBases(this.#journal, head);
    const places: IntegrityProblem[] = [];
    const generations: ChainFacts[] = [];
    const visit = (event: StoredEvent): void => {
      const begun = generationOf(event);
      generations.push(...(begun === undefined ? factsIn(event) : [begun]));
    };
    for (let [base] = usable; base !== undefined; ) {
      const { through, from, broken } = await foldProvable(this.#journal, head, base, { visit });
      this.events += through - from;
      const next = broken && (await nextGeneration(this.#journal, head, broken));
      if (broken !== undefined) places.push(broken);
      if (next?.isErased) generations.push(next);
      base = next && baseOf(head, next);
    }
    for (const { seq, problem } of places)
      if (!generations.some(({ firstSeq, dropped }) => gaveUp(firstSeq, dropped, seq)))
        this.#error('tail', seq, problem);
  }

  /** Every record, and each snapshot and checkpoint against the state that the records lead to. */
  async #whole({ firstSeq }: Head): Promise<void> {
    if (firstSeq > 1) this.#warning(whole, firstSeq, 'what was before it was trimmed');
    const verification = await verifyStream(this.#journal, this.#sessionId);
    const { chain, problems, snapshots, checkpoints, parked, erasures } = verification;
    this.events += eventsOf(chain.generations);
    this.#dropped = chain.dropped;
    for (const { from, to } of chain.dropped) this.#warning(whole, from, `given up by a recovery, to ${to}`);
    for (const { seq, problem } of problems) this.#error(whole, seq, problem);
    for (const met of snapshots) this.#compare(met);
    for (const { seq, data, found } of checkpoints.filter(({ seq }) => !knewErased(erasures, seq - 1)))
      if (verdictOn(data, found) === 'differs' && parked.every((event) => event >= seq))
        this.#error(whole, seq, 'the records do not lead to the state of the checkpoint');
  }

  #compare(met: MetSnapshot): void {
    if (!met.isWhole) this.#warning(whole, met.seq, 'the snapshot cannot be used');
    else if (verdictOn(met, met.found) === 'differs')
      this.#error(
        whole,
        met.seq,
        'the records do not lead to the state of the snapshot: the law has changed',
      );
  }

  /** A stream that stands beside the session: its chain, and that nothing in it is about what never was. */
  async #beside(stream: string, own: Head): Promise<void> {
    const head = await this.#journal.head(stream);
    if (head === undefined) return;
    await this.#each(head, ({ seq, data }) => {
      const { headSeq } = (data ?? {}) as { readonly headSeq?: unknown };
      if (typeof headSeq === 'number' && headSeq > own.seq)
        this.#error(stream, seq, `it tells of event ${headSeq}, and the session ends at ${own.seq}`);
    });
  }

  /** All of the feed is read: entries must name the events of the session in their order, and prove them. */
  async #feed(head: Head): Promise<void> {
    const { stream } = head;
    const end = this.#journal.feedEnd();
    let newest = 0;
    for (let after: Cursor | null = null; after !== end; ) {
      const entries = await this.#journal.readAll(after);
      for (const { events, damaged = [], cursor } of entries) {
        for (const { seq } of damaged.filter((place) => place.stream === stream))
          this.#note({
            severity: this.#isGivenUp(seq) ? 'warning' : 'error',
            ...{ check: 'feed', seq, problem: 'the feed names an event that cannot be proven' },
          });
        for (const { seq } of events.filter((event) => event.stream === stream)) {
          if (seq <= newest) this.#error('feed', seq, 'the feed names it behind a later one');
          newest = Math.max(newest, seq);
        }
        after = cursor;
      }
      if (entries.length === 0) break;
    }
    if (newest < head.seq && newest > 0)
      this.#warning('feed', newest, `the feed ends before the session, which ends at ${head.seq}`);
  }

  #isGivenUp(seq: number): boolean {
    return this.#dropped.some(({ from, to }) => from <= seq && seq <= to);
  }

  async #each(head: Head, look: (event: StoredEvent) => void): Promise<void> {
    for (let after = head.firstSeq - 1, chain: string | undefined; after < head.seq; ) {
      const page = await this.#journal.readFrom(head.stream, after, chain === undefined ? {} : { chain });
      for (const event of page.events) look(event);
      this.events += page.events.length;
      chain = page.chain;
      after = page.events.at(-1)?.seq ?? head.seq;
    }
  }

  async #check(check: string, job: () => Promise<void>): Promise<void> {
    this.checks.push(check);
    try {
      await job();
    } catch (thrown) {
      const error = toError(thrown);
      const seq = HoldfastError.is(error) ? error.details.seq : undefined;
      this.#error(check, typeof seq === 'number' ? seq : null, error.message);
    }
  }

  #error(check: string, seq: number | null, problem: string): void {
    this.#note({ severity: 'error', check, seq, problem });
  }

  #warning(check: string, seq: number | null, problem: string): void {
    this.#note({ severity: 'warning', check, seq, problem });
  }

  #note(finding: Finding): void {
    if (this.findings.length < mostFindings) this.findings.push(finding);
    else if (finding.severity === 'error' && this.findings.every(({ severity }) => severity === 'warning'))
      this.findings[mostFindings - 1] = finding;
  }
}
