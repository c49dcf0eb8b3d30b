// A directory that goes when this process ends, also by Ctrl-C; the children are killed before that.
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

export function temporaryDirectory(beforeExit: () => void): string {
  const location = mkdtempSync(join(tmpdir(), 'holdfast-demo-'));
  process.on('exit', () => {
    beforeExit();
    rmSync(location, { recursive: true, force: true, maxRetries: 5 });
  });
  for (const [signal, code] of [
    ['SIGINT', 130],
    ['SIGTERM', 143],
    ['SIGHUP', 129],
  ] as const)
    process.once(signal, () => process.exit(code));
  return location;
}
