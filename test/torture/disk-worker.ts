// The process of the disk harness: a system over the directory that it is given, which answers calls until it is told to end.
import { closeSync, openSync } from 'node:fs';
import { type CallOptions, createSystem, HoldfastError, type SystemOptions } from 'holdfast';
import type { DiskCall, DiskWord } from './disk/disk-process.ts';
import { readLines } from './kill/lines.ts';

const options = JSON.parse(process.argv[2] ?? '{}') as SystemOptions;
const tell = (word: DiskWord): void => void process.stdout.write(`${JSON.stringify(word)}\n`);
const held: number[] = [];

try {
  const system = await createSystem(options);
  type Methods = Readonly<Record<string, (input: object, options: CallOptions) => Promise<unknown>>>;
  const spaces = system.client as unknown as Readonly<Record<string, Methods>>;

  const run = async ({ operation, input, key }: DiskCall): Promise<unknown> => {
    if (operation === 'files.exhaust') return exhaust();
    if (operation === 'files.release') return release();
    const [space = '', verb = ''] = operation.split('.');
    return spaces[space]?.[verb]?.(input, key === undefined ? {} : { idempotencyKey: key });
  };
  readLines<DiskCall>(process.stdin, (call) => {
    run(call).then(
      (answer) => tell({ id: call.id, answer }),
      (error: unknown) =>
        tell({ id: call.id, code: HoldfastError.is(error) ? error.code : `uncoded: ${String(error)}` }),
    );
  });
  process.stdin.once('end', () => void system.close());
  tell({ id: 0, answer: 'serving' });
} catch (error) {
  tell({ id: 0, code: HoldfastError.is(error) ? error.code : `uncoded: ${String(error)}` });
}

/** Takes every descriptor that the process may still open. */
function exhaust(): number {
  try {
    for (;;) held.push(openSync('/dev/null', 'r'));
  } catch {
    return held.length;
  }
}

function release(): number {
  for (const descriptor of held.splice(0)) closeSync(descriptor);
  return 0;
}
