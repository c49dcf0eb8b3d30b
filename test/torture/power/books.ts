// What was acknowledged, and what must be found of it after a loss of power.
import type { PowerWord } from '../power-worker.ts';

interface Account {
  readonly durability: 'fsync' | 'os';
  acknowledged: number;
  /** The newest that must be there after any loss of power. */
  sure: number;
  /** What was found at the end of its cycle: no later loss may take of it. */
  found: number | undefined;
}

export class Books {
  acknowledged = 0;
  /** Acknowledged and sure, and not there. */
  readonly lost: string[] = [];
  /** Found with something missing before it, or out of order. */
  readonly holes: string[] = [];
  /** Acknowledged by class `os` and gone: lawful. */
  tails = 0;
  readonly #accounts = new Map<string, Account>();
  /** Of each message that waits for a sync: what class `os` had answered when it was sent. It is durable no later. */
  readonly #covers = new Map<string, readonly (readonly [Account, number])[]>();

  open(session: string, durability: 'fsync' | 'os'): void {
    this.#accounts.set(session, { durability, acknowledged: 0, sure: 0, found: undefined });
  }

  hear(word: PowerWord): void {
    switch (word.word) {
      case 'sending':
        this.#covers.set(`${word.session} ${word.number}`, this.#answered());
        return;
      case 'acknowledged':
        this.#acknowledge(word.session, word.number, word.reached);
        return;
      case 'found':
        this.#find(word.session, word.numbers);
        return;
      case 'missing':
        this.#find(word.session, []);
        return;
      case 'serving':
    }
  }

  /** A store that does not open has lost all that was sure to be in it. */
  loseAll(sessions: readonly string[]): void {
    for (const session of sessions) this.#find(session, []);
  }

  forget(): void {
    this.#accounts.clear();
    this.#covers.clear();
  }

  #answered(): (readonly [Account, number])[] {
    const unsure = [...this.#accounts.values()].filter(
      ({ found, sure, acknowledged }) => found === undefined && sure < acknowledged,
    );
    return unsure.map((account) => [account, account.acknowledged] as const);
  }

  #acknowledge(session: string, number: number, reached: string): void {
    const account = this.#accounts.get(session);
    if (account === undefined) return;
    this.acknowledged += 1;
    account.acknowledged = number;
    if (reached === 'fsync') account.sure = number;
    for (const [covered, through] of this.#covers.get(`${session} ${number}`) ?? [])
      covered.sure = Math.max(covered.sure, through);
    this.#covers.delete(`${session} ${number}`);
  }

  #find(session: string, numbers: readonly number[]): void {
    const account = this.#accounts.get(session);
    if (account === undefined) return;
    const hole = numbers.findIndex((number, index) => number !== index + 1);
    if (hole >= 0) this.holes.push(`${session} has ${numbers[hole]} in the place of ${hole + 1}`);
    const sure = Math.max(account.sure, account.found ?? 0);
    if (numbers.length < sure)
      this.lost.push(`${session} (${account.durability}) holds ${numbers.length} of ${sure} that were sure`);
    else this.tails += Math.max(0, account.acknowledged - numbers.length);
    account.found = numbers.length;
    account.acknowledged = Math.min(account.acknowledged, numbers.length);
  }
}
