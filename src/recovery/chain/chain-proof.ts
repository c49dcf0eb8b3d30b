// The proof of a session's chain, generation by generation. Each `session.recovered` begins one: it carries the state that was
// accepted and names the last good record by its hash, so that what was given up in between breaks no proof of what is on either side.
import { type ErrorCode, HoldfastError } from '../../base/errors.ts';
import type { SeqRange } from '../../domain/recovery/recovery-vocabulary.ts';
import type { SessionState } from '../../domain/session/session-state.ts';
import type { Head, Journal, StoredEvent } from '../../journal/journal.ts';
import type { ChainGeneration, IntegrityProblem } from '../../operations/views/integrity-views.ts';
import {
  baseOf,
  factsIn,
  type Generation,
  gaveUp,
  generationOf,
  nextGeneration,
} from './chain-generation.ts';
import { chainStart } from './chain-start.ts';
import { type Base, foldProvable, type Proven } from './provable.ts';

export interface ChainReading {
  readonly journal: Journal;
  readonly head: Head;
  readonly signal?: AbortSignal | undefined;
  readonly visit: (event: StoredEvent, before: SessionState, after: SessionState) => void;
  /** Sees what is proven and makes no state: what it stood on was erased. */
  readonly pass: (event: StoredEvent) => void;
}

interface Part extends Generation {
  through: number;
}

/** Proves what can be proven; behind damage it goes on with the next generation. */
export class ChainProof {
  readonly problems: IntegrityProblem[] = [];
  /** The state at the head, and undefined when the way there is broken. */
  state: SessionState | undefined;
  readonly #reading: ChainReading;
  #parts: Part[];

  private constructor(reading: ChainReading) {
    const { firstSeq } = reading.head;
    this.#reading = reading;
    this.#parts = [{ firstSeq, through: firstSeq - 1, anchor: null, dropped: [], isErased: false }];
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

  /** What was given up when they began. */
  get dropped(): readonly SeqRange[] {
    return this.#parts.flatMap(({ dropped }) => dropped);
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
      const next = await this.#passErased(await nextGeneration(journal, head, broken), places);
      if (next === undefined) return places;
      start = async () => baseOf(head, next);
    }
  }

  /** The next that carries a state. Of one that was erased the records are proven on the way, as a chain alone. */
  async #passErased(
    next: Generation | undefined,
    places: IntegrityProblem[],
  ): Promise<Generation | undefined> {
    const { journal, head } = this.#reading;
    let begun = next;
    while (begun?.isErased) {
      const found = await this.#passFrom(begun.firstSeq);
      if (found === undefined || 'firstSeq' in found) return found;
      places.push(found);
      begun = await nextGeneration(journal, head, found);
    }
    return begun;
  }

  async #passFrom(first: number): Promise<Generation | IntegrityProblem | undefined> {
    const { journal, head, signal, pass } = this.#reading;
    let at = first - 1;
    try {
      for (let chain: string | undefined; at < head.seq; ) {
        signal?.throwIfAborted();
        // One by one: what stands before a damaged record is proven as well.
        const page = await journal.readFrom(head.stream, at, {
          limit: 1,
          ...(chain !== undefined && { chain }),
        });
        chain = page.chain;
        for (const event of page.events) {
          const begun = generationOf(event);
          if (begun?.isErased === false) return begun;
          this.#see(event);
          pass(event);
        }
        at = page.events.at(-1)?.seq ?? head.seq;
      }
      return undefined;
    } catch (error) {
      return this.#problemOf(error);
    }
  }

  #problemOf(error: unknown): IntegrityProblem {
    if (!HoldfastError.is(error) || !findings.has(error.code)) throw error;
    const { code, message: problem, details } = error;
    const seq = typeof details.seq === 'number' ? details.seq : 0;
    return { code, problem, seq: Math.max(seq, this.#through + 1) };
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
      return { broken: this.#problemOf(error) };
    }
  }

  #see(event: StoredEvent): void {
    const begun = generationOf(event);
    if (begun === undefined) this.#reach(event.seq);
    else this.#parts.push({ ...begun, through: event.seq });
    for (const facts of factsIn(event))
      this.#parts = this.#parts.map((part) =>
        part.firstSeq === facts.firstSeq ? { ...part, ...facts } : part,
      );
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
