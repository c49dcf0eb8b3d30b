// One stream as lines of text that prove themselves: a header, the records as they are stored, snapshots, and a footer with counts and a
// digest over every line before it. Whoever has the text needs no store to check it.
import { HoldfastError, toError } from '../base/errors.ts';
import { sha256 } from '../base/hash.ts';
import type { Json } from '../base/json.ts';
import { type CapsuleGeneration, CapsuleGenerations } from './capsule-generations.ts';
import { wrongMember } from './capsule-shapes.ts';
import type { Snapshot, StoredEvent } from './journal.ts';
import { decodeRecord, genesis } from './record.ts';

/** The newest that is read: of sessions that gave something up. All others are written as of {@link wholeFormat}, for older readers. */
export const capsuleFormat = 2;
export const wholeFormat = 1;

export interface CapsuleHeader {
  readonly holdfast: 'capsule';
  readonly formatVersion: number;
  readonly lawVersion: number;
  readonly sessionId: string;
  readonly stream: string;
  readonly exportedAt: number;
  /** The first record that it holds, and the last with its hash. */
  readonly firstSeq: number;
  readonly seq: number;
  readonly chain: string;
  readonly status: string;
  /** What was wrong with the session when it was exported; without a text where anything was to be left out. */
  readonly condition: Json;
  /** What was asked to be left out; null when it is whole. */
  readonly redaction: Json;
  /** Oldest first: each event that began the chain anew, and what was given up then. Absent where there is none. */
  readonly generations?: readonly CapsuleGeneration[];
}

export interface CapsuleFooter {
  readonly events: number;
  /** Of them, those without their payload. */
  readonly redacted: number;
  readonly snapshots: number;
  /** Events of which there is no record, all of them given up; absent where there are none. */
  readonly missing?: number;
  /** SHA-256 of each line after the digest of all before it. */
  readonly digest: string;
}

/** Stands in place of records that cannot be proven, and were given up. */
export interface CapsuleGap {
  readonly from: number;
  readonly to: number;
}

export interface CapsuleRecord {
  readonly record: string;
  readonly event: StoredEvent;
  readonly hash: string;
  /** False behind what was given up: then the chain does not lead on to it. */
  readonly follows: boolean;
}

export type CapsulePart =
  | { readonly header: CapsuleHeader }
  | CapsuleRecord
  | { readonly gap: CapsuleGap }
  | { readonly snapshot: Snapshot }
  | { readonly footer: CapsuleFooter };

/** The digest once a line was added; the first is added to nothing. */
export const digestAfter = (digest: string, line: string): string => sha256(`${digest}\n${line}`);

/** Takes a capsule line by line, and throws `CAPSULE_INVALID` at the first that does not hold. */
export class CapsuleReader {
  #header: CapsuleHeader | undefined;
  #digest = '';
  #line = 0;
  #chain: string | undefined;
  #isBehindGap = false;
  #counts = { events: 0, redacted: 0, snapshots: 0, missing: 0 };
  #generations = new CapsuleGenerations([]);
  #ended = false;

  take(line: string): CapsulePart {
    this.#line += 1;
    if (this.#ended) throw this.#invalid('something stands behind its end');
    const { header, record, gap, snapshot, footer } = this.#parse(line);
    if (this.#header === undefined) return this.#takeHeader(header, line);
    if (footer !== undefined) return this.#takeFooter(footer as CapsuleFooter);
    this.#digest = digestAfter(this.#digest, line);
    if (typeof record === 'string') return this.#takeRecord(this.#header, record);
    if (gap !== undefined) return this.#takeGap(this.#header, { ...(gap as CapsuleGap) });
    if (snapshot === undefined) throw this.#invalid('it is neither a record, nor a snapshot, nor its end');
    return this.#takeSnapshot(this.#header, snapshot as Snapshot);
  }

  /** Throws when its end has not come. */
  end(): void {
    if (!this.#ended) throw this.#invalid('its end is missing');
  }

  #takeHeader(found: unknown, line: string): CapsulePart {
    const header = found as CapsuleHeader | undefined;
    if (header?.holdfast !== 'capsule' || header.stream !== `session/${header.sessionId}`)
      throw this.#invalid('it is no capsule');
    this.#assertShape('header', header);
    if (header.formatVersion > capsuleFormat)
      throw this.#invalid(`it is of format ${header.formatVersion}, this version reads ${capsuleFormat}`);
    this.#generations = this.#generationsOf(header);
    this.#header = header;
    this.#digest = digestAfter('', line);
    this.#chain = header.firstSeq === 1 ? genesis : undefined;
    return { header };
  }

  #generationsOf({ generations }: CapsuleHeader): CapsuleGenerations {
    try {
      return new CapsuleGenerations(generations ?? []);
    } catch (error) {
      throw this.#invalid(toError(error).message);
    }
  }

  #takeRecord({ stream }: CapsuleHeader, record: string): CapsulePart {
    const { event, prev, hash } = this.#decoded(record, stream, this.#next);
    const { seq } = event;
    const breaks = this.#chain !== undefined && prev !== this.#chain;
    if (breaks && !this.#generations.gaveUp(seq))
      throw this.#invalid(`event ${seq} does not follow the one before it`);
    const problem = this.#met(event, hash);
    if (problem !== undefined) throw this.#invalid(problem);
    const isBehindGap = this.#isBehindGap;
    this.#isBehindGap = false;
    this.#chain = hash;
    this.#counts.events += 1;
    if (event.data === undefined) this.#counts.redacted += 1;
    return { record, event, hash, follows: !breaks && !isBehindGap };
  }

  /** What an event says of generations is anybody's, as long as nothing proves it. */
  #met(event: StoredEvent, hash: string): string | undefined {
    try {
      return this.#generations.meet(event, hash);
    } catch (error) {
      return `what event ${event.seq} says of its generation cannot be read: ${toError(error).message}`;
    }
  }

  #takeGap({ seq: last }: CapsuleHeader, gap: CapsuleGap): CapsulePart {
    const { from, to } = gap;
    const isPlace = from === this.#next && Number.isSafeInteger(to) && from <= to && to < last;
    if (!isPlace || !this.#generations.gaveUpAll(from, to))
      throw this.#invalid(`the events from ${from} to ${to} are left out, and were not given up`);
    this.#chain = undefined;
    this.#isBehindGap = true;
    this.#counts.missing += to - from + 1;
    return { gap };
  }

  #takeSnapshot({ seq: last }: CapsuleHeader, snapshot: Snapshot): CapsulePart {
    this.#assertShape('snapshot', snapshot);
    if (snapshot.seq > last) throw this.#invalid('a snapshot is of what stands behind its end');
    if (sha256(snapshot.state) !== snapshot.stateHash)
      throw this.#invalid('a snapshot does not match its hash');
    this.#counts.snapshots += 1;
    return { snapshot };
  }

  #takeFooter(footer: CapsuleFooter): CapsulePart {
    this.#assertShape('footer', footer);
    const { seq = 0, chain = '' } = this.#header ?? {};
    const { events, redacted, snapshots, missing } = this.#counts;
    const { missing: said = 0, ...counts } = footer;
    if (
      counts.events !== events ||
      counts.redacted !== redacted ||
      counts.snapshots !== snapshots ||
      said !== missing
    )
      throw this.#invalid('it does not hold as many events and snapshots as it says');
    if (this.#next !== seq + 1) throw this.#invalid(`it ends at event ${this.#next - 1} of ${seq}`);
    const unmet = this.#generations.unmet;
    if (unmet !== undefined) throw this.#invalid(`event ${unmet} begins no generation of its chain`);
    if (events > 0 && this.#chain !== chain)
      throw this.#invalid('its last event is not the one that it names');
    if (footer.digest !== this.#digest) throw this.#invalid('it does not match its digest');
    this.#ended = true;
    return { footer };
  }

  #assertShape(...line: Parameters<typeof wrongMember>): void {
    const wrong = wrongMember(...line);
    if (wrong !== undefined) throw this.#invalid(`its ${wrong} cannot be read`);
  }

  /** The seq of the record that is to come. */
  get #next(): number {
    const { events, missing } = this.#counts;
    return (this.#header?.firstSeq ?? 1) + events + missing;
  }

  #decoded(record: string, stream: string, seq: number): ReturnType<typeof decodeRecord> {
    try {
      return decodeRecord(record, stream, seq);
    } catch (error) {
      if (HoldfastError.is(error, 'VERSION_TOO_NEW')) throw error;
      throw this.#invalid(toError(error).message);
    }
  }

  #parse(line: string): Readonly<Record<string, unknown>> {
    try {
      return (JSON.parse(line) ?? {}) as Readonly<Record<string, unknown>>;
    } catch {
      throw this.#invalid('it is no JSON');
    }
  }

  #invalid(problem: string): HoldfastError {
    return new HoldfastError('CAPSULE_INVALID', { line: this.#line, problem });
  }
}
