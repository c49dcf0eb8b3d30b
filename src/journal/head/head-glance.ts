// What a survey shows of a stored head, read by its place in the text: a boot looks at a hundred thousand, of which nearly
// all have the same status and nothing due, so that nothing is made for one but the glance itself.

import type { Head, HeadGlance } from '../journal.ts';
import { streamOf } from '../keys.ts';
import { checksumLength } from '../sealed.ts';
import { headFrom } from './head.ts';

/** Before the status stand the version, the seqs, the hash and the epoch; none of them holds a comma. */
const membersBeforeStatus = 5;

const noDue = ',null,';

class StoredGlance implements HeadGlance {
  readonly status: string;
  readonly dueAt: number | null;
  readonly #key: string;
  readonly #stored: string;

  constructor(key: string, stored: string, status: string, dueAt: number | null) {
    this.#key = key;
    this.#stored = stored;
    this.status = status;
    this.dueAt = dueAt;
  }

  whole(): Head {
    return wholeHead(this.#key, this.#stored);
  }
}

export class GlanceReader {
  /** The status that was met last, as it is stored, and as the one text that is handed out for it. */
  #quoted = '""';
  #status = '';

  /** `stored` is verified. */
  read(key: string, stored: string): HeadGlance {
    let at = checksumLength;
    for (let member = 0; member < membersBeforeStatus; member++) at = stored.indexOf(',', at) + 1;
    if (!stored.startsWith(this.#quoted, at) && !this.#meet(stored, at)) return parsed(key, stored);
    const dueAt = stored.indexOf(',', at + this.#quoted.length + 1);
    if (stored.startsWith(noDue, dueAt)) return new StoredGlance(key, stored, this.#status, null);
    return parsed(key, stored);
  }

  /** False for a status that cannot be taken as it stands. */
  #meet(stored: string, at: number): boolean {
    const end = stored.indexOf('"', at + 1);
    const quoted = stored.slice(at, end + 1);
    if (end < 0 || !quoted.startsWith('"') || quoted.includes('\\')) return false;
    this.#quoted = quoted;
    this.#status = quoted.slice(1, -1);
    return true;
  }
}

function parsed(key: string, stored: string): HeadGlance {
  const head = wholeHead(key, stored);
  return { status: head.status, dueAt: head.dueAt, whole: () => head };
}

const wholeHead = (key: string, stored: string): Head =>
  headFrom(streamOf(key), stored.slice(checksumLength));
