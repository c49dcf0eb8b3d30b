// A handle to a simulated disk: memory-level, each of whose operations is a point of the disk.
import { MemoryLevel } from 'memory-level';
import type { DiskGate } from './disk-gate.ts';
import type { KeyWrite } from './disk-image.ts';

/** abstract-level's private side, of which its types say nothing: what each kind of database implements. */
interface Implementation {
  _batch(operations: readonly Operation[], options: object): Promise<void>;
  _get(key: string, options: object): Promise<string | undefined>;
  _getSync(key: string, options: object): string | undefined;
  _getMany(keys: readonly string[], options: object): Promise<(string | undefined)[]>;
  _keys(options: object): Reader;
  _iterator(options: object): Reader;
  _values(options: object): Reader;
}

type Operation =
  | { readonly type: 'put'; readonly key: string; readonly value: string }
  | { readonly type: 'del'; readonly key: string };

interface Reader {
  _next(): Promise<unknown>;
  _nextv(size: number, options: object): Promise<unknown>;
  _all(options: object): Promise<unknown>;
}

interface WriteOptions {
  readonly sync?: boolean;
}

const memory = MemoryLevel.prototype as unknown as Implementation;

export class SimulatedLevel extends MemoryLevel<string, string> {
  readonly #disk: DiskGate;
  /** LevelDB takes no writes any more once one has failed. */
  #broken: Error | undefined;

  constructor(disk: DiskGate) {
    super({ storeEncoding: 'utf8', keyEncoding: 'utf8', valueEncoding: 'utf8' });
    this.#disk = disk;
  }

  async _open(): Promise<void> {
    const entries = this.#disk.image.entries();
    const puts = Array.from(entries, ([key, value]): Operation => ({ type: 'put', key, value }));
    await memory._batch.call(this, puts, {});
  }

  async _close(): Promise<void> {
    await this.#disk.run('close', false, () => {});
  }

  async _get(key: string, options: object): Promise<string | undefined> {
    return this.#disk.run('get', false, () => memory._get.call(this, key, options));
  }

  _getSync(key: string, options: object): string | undefined {
    return this.#disk.runSync('get', () => memory._getSync.call(this, key, options));
  }

  async _getMany(keys: readonly string[], options: object): Promise<(string | undefined)[]> {
    return this.#disk.run('getMany', false, () => memory._getMany.call(this, keys, options));
  }

  _iterator(options: object): Reader {
    return this.#reader(memory._iterator.call(this, options));
  }

  _keys(options: object): Reader {
    return this.#reader(memory._keys.call(this, options));
  }

  _values(options: object): Reader {
    return this.#reader(memory._values.call(this, options));
  }

  async _put(key: string, value: string, options: WriteOptions): Promise<void> {
    await this.#write('put', [{ key, value }], options);
  }

  async _del(key: string, options: WriteOptions): Promise<void> {
    await this.#write('del', [{ key, value: undefined }], options);
  }

  async _batch(operations: readonly Operation[], options: WriteOptions): Promise<void> {
    await this.#write('batch', operations.map(writeOf), options);
  }

  /** As classic-level does it: one batch of deletes, not synced. */
  async _clear(options: { readonly reverse?: boolean; readonly limit?: number }): Promise<void> {
    const range = memory._keys.call(this, { ...options, keys: true, values: false });
    const found = (await range._all({})) as readonly string[];
    await this.#write(
      'clear',
      found.map((key) => ({ key, value: undefined })),
      {},
    );
  }

  /** One point for each reader, at its first read. */
  #reader(reader: Reader): Reader {
    let opened: Promise<void> | undefined;
    const open = (): Promise<void> => {
      opened ??= this.#disk.run('iterator', false, () => {});
      return opened;
    };
    const { _next, _nextv, _all } = reader;
    return Object.assign(reader, {
      _next: async () => open().then(() => _next.call(reader)),
      _nextv: async (size: number, options: object) => open().then(() => _nextv.call(reader, size, options)),
      _all: async (options: object) => open().then(() => _all.call(reader, options)),
    });
  }

  async #write(
    operation: 'put' | 'del' | 'batch' | 'clear',
    writes: readonly KeyWrite[],
    { sync = false }: WriteOptions,
  ): Promise<void> {
    if (this.#broken !== undefined) throw this.#broken;
    try {
      await this.#disk.run(operation, sync, () => {
        // One that was under way beside it may have failed meanwhile.
        if (this.#broken !== undefined) throw this.#broken;
        this.#disk.write(writes, sync);
        return memory._batch.call(this, writes.map(operationOf), {});
      });
    } catch (error) {
      this.#broken ??= error as Error;
      throw error;
    }
  }
}

function writeOf(operation: Operation): KeyWrite {
  return { key: operation.key, value: operation.type === 'put' ? operation.value : undefined };
}

function operationOf({ key, value }: KeyWrite): Operation {
  return value === undefined ? { type: 'del', key } : { type: 'put', key, value };
}
