// Answers of operations that belong to no stream, kept as small values under the keys of their callers: a repeat is answered
// from the record of the first, also while that is still under way, and does nothing.
import { HoldfastError } from '../base/errors.ts';
import type { Json } from '../base/json.ts';
import type { KeyValue } from './journal.ts';

interface KeyedCall {
  readonly operationId?: string;
  /** Of operation and input: the same key with another digest is another request. */
  readonly digest?: string;
}

interface KeptAnswer {
  readonly digest: string;
  readonly answer: object;
}

export class KeptAnswers {
  readonly #kv: Pick<KeyValue, 'get' | 'batch'>;
  readonly #space: string;
  readonly #running = new Map<string, Promise<unknown>>();

  /** `space` sets them apart from those of others. */
  constructor(kv: Pick<KeyValue, 'get' | 'batch'>, space: string) {
    this.#kv = kv;
    this.#space = space;
  }

  /** What was refused or failed is not kept: a repeat runs anew. */
  async once<Answer extends object>(
    { operationId, digest = '' }: KeyedCall,
    run: () => Promise<Answer>,
  ): Promise<Answer & { readonly repeated?: boolean }> {
    if (operationId === undefined) return run();
    for (;;) {
      const before = this.#running.get(operationId);
      if (before === undefined) break;
      await before.catch(() => undefined);
    }
    const answered = this.#answer<Answer>(operationId, digest, run);
    this.#running.set(operationId, answered);
    try {
      return await answered;
    } finally {
      this.#running.delete(operationId);
    }
  }

  async #answer<Answer extends object>(
    operationId: string,
    digest: string,
    run: () => Promise<Answer>,
  ): Promise<Answer & { readonly repeated?: boolean }> {
    const key = `answers/${this.#space}/${operationId}`;
    const kept = (await this.#kv.get(key)) as unknown as KeptAnswer | undefined;
    if (kept !== undefined && kept.digest !== digest)
      throw new HoldfastError('IDEMPOTENCY_KEY_REUSED', { key: operationId });
    if (kept !== undefined) return { ...(kept.answer as Answer), repeated: true };
    const answer = await run();
    await this.#kv.batch([{ key, value: { digest, answer } as unknown as Json }]);
    return answer;
  }
}
