// Which sessions are just being folded, noted outside of the database, so that the next process knows what this one was doing
// when it was killed. A note is one write into a file that stays open; it need not outlive the machine.
import { closeSync, ftruncateSync, openSync, readFileSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { toError } from '../../base/errors.ts';
import { idPattern } from '../../base/ids.ts';
import type { Telemetry } from '../../base/telemetry.ts';

/** In the directory of the store. */
export const replayNotesFile = 'replaying';
/** An id has up to 64 characters. */
const slotBytes = 65;

export class ReplayNotes {
  readonly #telemetry: Telemetry;
  readonly #free: number[] = [];
  readonly #slot = Buffer.alloc(slotBytes, ' ');
  #file: number | undefined;
  #slots = 0;
  /** Those of the process before, with their places. */
  readonly #found = new Map<string, number>();

  /** Without a file nothing is noted, and the store is served all the same. */
  static open(directory: string, telemetry: Telemetry): ReplayNotes {
    const notes = new ReplayNotes(telemetry);
    const path = join(directory, replayNotesFile);
    try {
      notes.#read(textOf(path));
      notes.#file = openSync(path, notes.#slots > 0 ? 'r+' : 'w+', 0o600);
    } catch (error) {
      telemetry('suspects.notNoted', { problem: toError(error).message });
    }
    return notes;
  }

  private constructor(telemetry: Telemetry) {
    this.#telemetry = telemetry;
  }

  /** Sessions that the process before was folding when it ended. */
  get suspects(): readonly string[] {
    return [...this.#found.keys()];
  }

  /** Notes a session until what it answers is called. */
  enter(sessionId: string): () => void {
    const slot = this.#free.pop() ?? this.#slots++;
    this.#write(slot, sessionId);
    return () => this.#leave(slot);
  }

  /** A suspect was tried elsewhere. */
  clear(sessionId: string): void {
    const slot = this.#found.get(sessionId);
    if (slot !== undefined && this.#found.delete(sessionId)) this.#leave(slot);
  }

  close(): void {
    const file = this.#file;
    this.#file = undefined;
    if (file === undefined) return;
    try {
      if (this.#found.size === 0) ftruncateSync(file, 0);
    } finally {
      closeSync(file);
    }
  }

  #read(text: string): void {
    this.#slots = Math.floor(text.length / slotBytes);
    for (let slot = 0; slot < this.#slots; slot++) {
      const id = text.slice(slot * slotBytes, (slot + 1) * slotBytes).trim();
      if (idPattern.test(id) && !this.#found.has(id)) this.#found.set(id, slot);
      else this.#free.push(slot);
    }
  }

  #leave(slot: number): void {
    this.#write(slot, '');
    this.#free.push(slot);
  }

  #write(slot: number, text: string): void {
    if (this.#file === undefined) return;
    this.#slot.fill(' ');
    this.#slot.write(text, 'latin1');
    try {
      writeSync(this.#file, this.#slot, 0, slotBytes, slot * slotBytes);
    } catch (error) {
      this.#telemetry('suspects.notNoted', { problem: toError(error).message });
    }
  }
}

function textOf(path: string): string {
  try {
    return readFileSync(path, 'latin1');
  } catch {
    return '';
  }
}
