// npm run demo [-- FILE] [--seed N]: replays transcripts as sessions in a process that is killed again and again, and
// compares what is read back at the end with what was sent.
import { parseArgs } from 'node:util';
import { parsed, readSeed } from './arguments.ts';
import { compare } from './comparison.ts';
import { generateTranscripts } from './generated-transcripts.ts';
import { progressLine } from './progress-line.ts';
import { readBack } from './read-back.ts';
import { assertTaken } from './refused-input.ts';
import { replay } from './replay.ts';
import { seededRandom } from './seeded-random.ts';
import { sessionScript } from './session-script.ts';
import { temporaryDirectory } from './temporary-directory.ts';
import { InputFault } from './transcript.ts';
import { readTranscripts } from './transcript-file.ts';
import { printVerdict, verdictOf } from './verdict.ts';

interface Request {
  readonly path: string | undefined;
  readonly seed: number;
}

try {
  process.exitCode = await demonstrate(readArguments());
} catch (error) {
  if (!(error instanceof InputFault)) throw error;
  console.error(error.message);
  process.exitCode = 1;
}

async function demonstrate({ path, seed }: Request): Promise<number> {
  const transcripts = path === undefined ? generateTranscripts(seed) : readTranscripts(path);
  const source = path ?? 'generated transcripts';
  const scripts = transcripts.map(sessionScript);
  const progress = progressLine();
  const location = temporaryDirectory(() => progress.stop());
  const replayed = await replay({ location, scripts, random: seededRandom(seed), onProgress: progress.show });
  progress.stop();
  assertTaken(source, replayed.ledger.refusals);
  const found = await readBack(location);
  const verdict = verdictOf(replayed, found, compare(replayed.ledger.acknowledgedOf(), found));
  console.log(`${transcripts.length} sessions from ${source}, seed ${seed}`);
  printVerdict(verdict);
  return verdict.broken.length === 0 ? 0 : 1;
}

function readArguments(): Request {
  const options = { seed: { type: 'string' } } as const;
  const { values, positionals } = parsed(() => parseArgs({ allowPositionals: true, options }));
  const [path, ...others] = positionals;
  if (others.length > 0) throw new InputFault('Give one file of transcripts, or none.');
  return { path, seed: readSeed(values.seed) };
}
