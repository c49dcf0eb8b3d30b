// Which keys may have a record. It says no only of a key that was never added, so that the disk need not be asked for it;
// of fingerprints that are alike, and once there are too many, it says yes and the disk decides.

const firstSlots = 16;

/** 64 KB: whoever has recorded more than fit asks the disk. */
const mostSlots = 16_384;

export class KeyFilter {
  /** Fingerprints where their own value puts them or behind; 0 is a free slot. None once there are too many. */
  #slots: Int32Array | undefined = new Int32Array(firstSlots);
  #size = 0;

  /** False when the key was surely never added. */
  mayHave(key: string): boolean {
    const slots = this.#slots;
    if (slots === undefined) return true;
    const print = fingerprint(key);
    return slots[placeOf(slots, print)] === print;
  }

  add(key: string): void {
    if (this.#slots === undefined) return;
    if ((this.#size + 1) * 4 > this.#slots.length * 3) this.#grow(this.#slots);
    this.#put(fingerprint(key));
  }

  #put(print: number): void {
    const slots = this.#slots;
    if (slots === undefined) return;
    const place = placeOf(slots, print);
    if (slots[place] === print) return;
    slots[place] = print;
    this.#size += 1;
  }

  #grow(full: Int32Array): void {
    this.#size = 0;
    this.#slots = full.length === mostSlots ? undefined : new Int32Array(full.length * 2);
    for (const print of full) if (print !== 0) this.#put(print);
  }
}

/** Where the fingerprint stands, or the free slot where it would. */
function placeOf(slots: Int32Array, print: number): number {
  const last = slots.length - 1;
  let place = (print ^ (print >>> 15)) & last;
  while (slots[place] !== 0 && slots[place] !== print) place = (place + 1) & last;
  return place;
}

/** FNV-1a over the UTF-16 units, never 0. */
function fingerprint(key: string): number {
  let print = 0x811c9dc5 | 0;
  for (let i = 0; i < key.length; i++) print = Math.imul(print ^ key.charCodeAt(i), 0x01000193);
  return print === 0 ? 1 : print;
}
