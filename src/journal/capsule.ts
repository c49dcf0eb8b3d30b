// One stream as lines of text that prove themselves: a header, the records as they are stored, snapshots, and a footer with counts and a
// digest over every line before it. Whoever has the text needs no store to check it.
import { HoldfastError, toError } from '../base/errors.ts';
import { sha256 } from '../base/hash.ts';
import type { Json } from '../base/json.ts';
import type { Snapshot, StoredEvent } from './journal.ts';
import { decodeRecord, genesis } from './record.ts';

export const capsuleFormat = 1;

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
}

export interface CapsuleFooter {
  readonly events: number;
  /** Of them, those without their payload. */
  readonly redacted: number;
  readonly snapshots: number;
  /** SHA-256 of each line after the digest of all before it. */
  readonly digest: string;
}

export type CapsulePart =
  | { readonly header: CapsuleHeader }
  | { readonly record: string; readonly event: StoredEvent; readonly hash: string }
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
  #counts = { events: 0, redacted: 0, snapshots: 0 };
  #ended = false;

  take(line: string): CapsulePart {
    this.#line += 1;
    if (this.#ended) throw this.#invalid('something stands behind its end');
    const { header, record, snapshot, footer } = this.#parse(line);
    if (this.#header === undefined) return this.#takeHeader(header, line);
    if (footer !== undefined) return this.#takeFooter(footer as CapsuleFooter);
    this.#digest = digestAfter(this.#digest, line);
    if (typeof record === 'string') return this.#takeRecord(this.#header, record);
    if (snapshot === undefined) throw this.#invalid('it is neither a record, nor a snapshot, nor its end');
    return this.#takeSnapshot(snapshot as Snapshot);
  }

  /** Throws when its end has not come. */
  end(): void {
    if (!this.#ended) throw this.#invalid('its end is missing');
  }

  #takeHeader(found: unknown, line: string): CapsulePart {
    const header = found as CapsuleHeader | undefined;
    if (header?.holdfast !== 'capsule' || header.stream !== `session/${header.sessionId}`)
      throw this.#invalid('it is no capsule');
    if (header.formatVersion > capsuleFormat)
      throw this.#invalid(`it is of format ${header.formatVersion}, this version reads ${capsuleFormat}`);
    this.#header = header;
    this.#digest = digestAfter('', line);
    this.#chain = header.firstSeq === 1 ? genesis : undefined;
    return { header };
  }

  #takeRecord({ stream, firstSeq }: CapsuleHeader, record: string): CapsulePart {
    const { event, prev, hash } = this.#decoded(record, stream, firstSeq + this.#counts.events);
    if (this.#chain !== undefined && prev !== this.#chain)
      throw this.#invalid(`event ${event.seq} does not follow the one before it`);
    this.#chain = hash;
    this.#counts.events += 1;
    if (event.data === undefined) this.#counts.redacted += 1;
    return { record, event, hash };
  }

  #takeSnapshot(snapshot: Snapshot): CapsulePart {
    if (sha256(snapshot.state) !== snapshot.stateHash)
      throw this.#invalid('a snapshot does not match its hash');
    this.#counts.snapshots += 1;
    return { snapshot };
  }

  #takeFooter(footer: CapsuleFooter): CapsulePart {
    const { firstSeq = 1, seq = 0, chain = '' } = this.#header ?? {};
    const { events, redacted, snapshots } = this.#counts;
    if (footer.events !== events || footer.redacted !== redacted || footer.snapshots !== snapshots)
      throw this.#invalid('it does not hold as many events and snapshots as it says');
    if (events !== seq - firstSeq + 1)
      throw this.#invalid(`it ends at event ${firstSeq + events - 1} of ${seq}`);
    if (events > 0 && this.#chain !== chain)
      throw this.#invalid('its last event is not the one that it names');
    if (footer.digest !== this.#digest) throw this.#invalid('it does not match its digest');
    this.#ended = true;
    return { footer };
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
