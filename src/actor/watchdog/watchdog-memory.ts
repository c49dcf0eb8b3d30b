// What the main thread and the watchdog's share: how often the loop has turned, and whose code runs. The main thread writes
// without waiting; the watchdog reads the name only while the main thread stands still.

const ticks = 0;
const length = 1;
const closed = 2;
const headerBytes = 12;
const longestName = 2_048;

export class WatchdogMemory {
  readonly buffer: SharedArrayBuffer;
  readonly #header: Int32Array;
  readonly #name: Uint8Array;

  constructor(buffer = new SharedArrayBuffer(headerBytes + longestName)) {
    this.buffer = buffer;
    this.#header = new Int32Array(buffer, 0, 3);
    this.#name = new Uint8Array(buffer, headerBytes);
  }

  get ticks(): number {
    return Atomics.load(this.#header, ticks);
  }

  tick(): void {
    Atomics.add(this.#header, ticks, 1);
  }

  /** `name` is what {@link encode} made; undefined when nobody's code runs. */
  write(name: Uint8Array | undefined): void {
    if (name !== undefined) this.#name.set(name);
    Atomics.store(this.#header, length, name?.length ?? 0);
  }

  /** Whose code runs, as it was encoded. */
  read(): Readonly<Record<string, unknown>> | undefined {
    const size = Atomics.load(this.#header, length);
    if (size === 0) return undefined;
    return JSON.parse(Buffer.from(this.#name.slice(0, size)).toString());
  }

  close(): void {
    Atomics.store(this.#header, closed, 1);
    Atomics.notify(this.#header, closed);
  }

  /** Blocks for so long, or until it is closed; false when it is. */
  wait(ms: number): boolean {
    return Atomics.wait(this.#header, closed, 0, ms) === 'timed-out';
  }
}

export function encode(name: Readonly<Record<string, unknown>>): Uint8Array {
  const bytes = Buffer.from(JSON.stringify(name));
  return bytes.length <= longestName ? bytes : Buffer.from('{"problem":"the name is too long"}');
}
