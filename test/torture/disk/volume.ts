// A real small file system in memory, which needs the right to mount one, and a file on it that takes its space away.
import { spawnSync } from 'node:child_process';
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

export class Volume {
  readonly path: string;

  /** Throws where nothing may be mounted. */
  constructor(bytes: number) {
    this.path = mkdtempSync(join(tmpdir(), 'holdfast-disk-'));
    const { status, stderr, error } = spawnSync('mount', [
      '-t',
      'tmpfs',
      '-o',
      `size=${bytes}`,
      'tmpfs',
      this.path,
    ]);
    if (status !== 0) {
      rmSync(this.path, { recursive: true });
      throw new Error(`no file system can be mounted here: ${error?.message ?? stderr.toString().trim()}`);
    }
    chmodSync(this.path, 0o777);
  }

  /** Why nothing can be mounted on this machine, or undefined. */
  static refusal(): string | undefined {
    try {
      new Volume(1024 * 1024).remove();
      return undefined;
    } catch (error) {
      return (error as Error).message;
    }
  }

  get store(): string {
    return join(this.path, 'data');
  }

  /** Takes space, to be given back. */
  fill(bytes: number): void {
    writeFileSync(join(this.path, 'filler'), Buffer.alloc(bytes, 1));
  }

  free(): void {
    rmSync(join(this.path, 'filler'), { force: true });
  }

  remove(): void {
    spawnSync('umount', ['-l', this.path]);
    rmSync(this.path, { recursive: true, force: true });
  }
}
