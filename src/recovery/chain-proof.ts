// The proof of a session's chain, generation by generation. Each `session.recovered` begins one: it carries the state that was
// accepted and names the last good record by its hash, so that what was given up in between breaks no proof of what is on either side.
import { type ErrorCode, HoldfastError } from '../base/errors.ts';
import type { SeqRange } from '../domain/recovery-vocabulary.ts';
import type { SessionState } from '../domain/session-state.ts';
import type { Head, Journal, StoredEvent } from '../journal/journal.ts';
import type { ChainGeneration, IntegrityProblem } from '../operations/integrity-views.ts';
import { baseOf, beginsGeneration, gaveUp, nextGeneration } from './chain-generation.ts';
import { chainStart } from './chain-start.ts';
import { type Base, foldProvable, type Proven } from './provable.ts';

export interface ChainReading {
  readonly journal: Journal;
  readonly head: Head;
  readonly signal?: AbortSignal | undefined;
  readonly visit: (event: StoredEvent, before: SessionState, after: SessionState) => void;
}

/** Proves what can be proven; behind damage it goes on with the next generation. */
export class ChainProof {
  /** What was given up when a generation began. */
  readonly dropped: SeqRange[] = [];
  readonly problems: IntegrityProblem[] = [];
  /** The state at the head, and undefined when the way there is broken. */
  state: SessionState | undefined;
  readonly #reading: ChainReading;
  readonly #parts: (Omit<ChainGeneration, 'through'> & { through: number; dropped: readonly SeqRange[] })[];

  private constructor(reading: ChainReading) {
    const { firstSeq } = reading.head;
    this.#reading = reading;
    this.#parts = [{ firstSeq, through: firstSeq - 1, anchor: null, dropped: [] }];
  }

  static async of(reading: ChainReading): Promise<ChainProof> {
    const proof = new ChainProof(reading);
    const broken = await proof.#run();
    proof.problems.push(...broken.filter(({ seq }) => !proof.#isGivenUp(seq)));
    await proof.#compareAnchors();
    return proof;
  }

  /** What was read and proven, oldest first. */
  get generations(): readonly ChainGeneration[] {
    const proven = this.#parts.filter(({ firstSeq, through }) => through >= firstSeq);
    return proven.map(({ firstSeq, through, anchor }) => ({ firstSeq, through, anchor }));
  }

  proves(seq: number): boolean {
    return this.#parts.some(({ firstSeq, through }) => firstSeq <= seq && seq <= through);
  }

  /** Where it was broken, oldest first. */
  async #run(): Promise<readonly IntegrityProblem[]> {
    const { journal, head } = this.#reading;
    const places: IntegrityProblem[] = [];
    for (let start = () => chainStart(journal, head); ; ) {
      const { state, broken } = await this.#proveFrom(start);
      if (broken === undefined) {
        this.state = state;
        return places;
      }
      places.push(broken);
      const next = await nextGeneration(journal, head, broken);
      if (next === undefined) return places;
      start = async () => baseOf(head, next);
    }
  }

  async #proveFrom(start: () => Promise<Base>): Promise<Partial<Proven>> {
    const { journal, head, signal, visit } = this.#reading;
    const seen: ChainReading['visit'] = (event, before, after) => {
      this.#see(event);
      visit(event, before, after);
    };
    try {
      const proven = await foldProvable(journal, head, await start(), { signal, visit: seen });
      this.#reach(proven.through);
      return proven;
    } catch (error) {
      if (!HoldfastError.is(error) || !findings.has(error.code)) throw error;
      const { code, message: problem, details } = error;
      const seq = typeof details.seq === 'number' ? details.seq : 0;
      return { broken: { code, problem, seq: Math.max(seq, this.#through + 1) } };
    }
  }

  #see(event: StoredEvent): void {
    const { seq } = event;
    if (beginsGeneration(event)) {
      const { anchor = null, dropped } = event.data;
      this.#parts.push({ firstSeq: seq, through: seq, anchor, dropped });
      this.dropped.push(...dropped);
    } else this.#reach(seq);
  }

  #reach(seq: number): void {
    const last = this.#parts.at(-1);
    if (last !== undefined) last.through = Math.max(last.through, seq);
  }

  get #through(): number {
    return this.#parts.at(-1)?.through ?? 0;
  }

  /** By any generation behind it that was proven: a later one may give up an earlier one whole, with what that had given up. */
  #isGivenUp(seq: number): boolean {
    return this.#parts.some(({ firstSeq, dropped }) => gaveUp(firstSeq, dropped, seq));
  }

  /** An anchor that is not among what was proven is told of by what broke there. */
  async #compareAnchors(): Promise<void> {
    const { journal, head } = this.#reading;
    for (const { firstSeq, anchor } of this.#parts) {
      if (anchor === null || !this.proves(anchor.seq) || this.#isGivenUp(firstSeq)) continue;
      const { chain } = await journal.readFrom(head.stream, anchor.seq - 1, { limit: 1 });
      if (chain === anchor.chain) continue;
      const problem = `another record is at ${anchor.seq} than the one that it goes on from`;
      this.problems.push({ code: 'JOURNAL_CORRUPT', seq: firstSeq, problem });
    }
  }
}

/** What the records themselves say is wrong is a finding; anything else is a failure to look. */
const findings: ReadonlySet<ErrorCode> = new Set<ErrorCode>([
  ...(['JOURNAL_CORRUPT', 'HISTORY_TRIMMED', 'VERSION_TOO_NEW', 'UPCAST_FAILED'] as const),
]);
