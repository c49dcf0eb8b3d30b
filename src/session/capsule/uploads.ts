// Texts that come in pieces, until they are imported. Bounded, in memory, and gone a while after the last piece.
import type { Clock } from '../../base/clock.ts';
import { HoldfastError } from '../../base/errors.ts';
import type { IdSource } from '../../base/ids.ts';

const longest = 64 * 1024 * 1024;
const most = 4;
const keptMs = 10 * 60_000;

interface Upload {
  readonly pieces: string[];
  characters: number;
  expire: () => void;
}

export class Uploads {
  readonly #clock: Clock;
  readonly #newId: IdSource;
  readonly #uploads = new Map<string, Upload>();

  constructor({ clock, newId }: { readonly clock: Clock; readonly newId: IdSource }) {
    this.#clock = clock;
    this.#newId = newId;
  }

  /** Adds a piece, to a new upload where none is named. */
  add(id: string | undefined, text: string): { readonly uploadId: string; readonly characters: number } {
    const uploadId = id ?? this.#begin();
    const upload = this.#find(uploadId);
    const size = upload.characters + text.length;
    if (size > longest) {
      this.#forget(uploadId);
      throw new HoldfastError('TOO_LARGE', { what: 'upload', size, limit: longest });
    }
    upload.pieces.push(text);
    upload.characters = size;
    upload.expire();
    upload.expire = this.#clock.schedule(keptMs, () => this.#uploads.delete(uploadId));
    return { uploadId, characters: size };
  }

  /** All of it; it is forgotten. */
  take(uploadId: string): string {
    const text = this.#find(uploadId).pieces.join('');
    this.#forget(uploadId);
    return text;
  }

  #begin(): string {
    if (this.#uploads.size >= most) {
      const details = { stream: 'uploads', size: this.#uploads.size, retryAfterMs: 1_000 };
      throw new HoldfastError('OVERLOADED', details);
    }
    const uploadId = this.#newId();
    this.#uploads.set(uploadId, { pieces: [], characters: 0, expire: () => {} });
    return uploadId;
  }

  #find(uploadId: string): Upload {
    const upload = this.#uploads.get(uploadId);
    if (upload === undefined) throw new HoldfastError('UPLOAD_NOT_FOUND', { uploadId });
    return upload;
  }

  #forget(uploadId: string): void {
    this.#uploads.get(uploadId)?.expire();
    this.#uploads.delete(uploadId);
  }
}
