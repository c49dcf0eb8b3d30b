// npm run example:airline-desk [-- FILE] [--sessions N] [--seed N]: an airline's customer service, replayed from transcripts. Its process
// is killed again and again; in the end its books are compared with the transcripts, line by line.
//
// Read on in working-day.ts, customer.ts, agents.ts and policies.ts, which are the airline; lives.ts kills it; books.ts says what must be.
import { parseArgs } from 'node:util';
import { parsed, readSeed } from '../replay-transcripts/arguments.ts';
import { progressLine } from '../replay-transcripts/progress-line.ts';
import { seededRandom } from '../replay-transcripts/seeded-random.ts';
import { sessionScript } from '../replay-transcripts/session-script.ts';
import { temporaryDirectory } from '../replay-transcripts/temporary-directory.ts';
import { InputFault } from '../replay-transcripts/transcript.ts';
import { expectedBooks } from './books.ts';
import { readBooks } from './found-books.ts';
import { killMoments } from './kill-moments.ts';
import { liveThrough } from './lives.ts';
import { printSummary } from './summary.ts';
import { findTranscripts, type SourceRequest } from './transcript-source.ts';

try {
  process.exitCode = (await demonstrate(readArguments())) ? 0 : 1;
} catch (error) {
  if (!(error instanceof InputFault)) throw error;
  console.error(error.message);
  process.exitCode = 1;
}

async function demonstrate(request: SourceRequest): Promise<boolean> {
  const { name, transcripts } = findTranscripts(request);
  console.log(`${transcripts.length} customers from ${name}, seed ${request.seed}`);
  const scripts = transcripts.map(sessionScript);
  const { heard } = expectedBooks(scripts, 0);
  const workload = { messages: heard.messages, calls: heard.tasks, transfers: heard.handoffs };
  const progress = progressLine();
  const location = temporaryDirectory(() => progress.stop());
  const day = await liveThrough({
    location,
    transcripts,
    moments: killMoments(workload, seededRandom(request.seed)),
    onProgress: (messages, kills) => progress.show(messages, workload.messages, kills),
    onKill: ({ name: moment }, { messages, kills }) => {
      progress.stop();
      console.log(`killed (${kills}), ${moment}: ${messages} of ${workload.messages} messages`);
    },
  });
  progress.stop();
  return printSummary(expectedBooks(scripts, day.kills), await readBooks(location, day), day);
}

function readArguments(): SourceRequest {
  const options = { seed: { type: 'string' }, sessions: { type: 'string' } } as const;
  const { values, positionals } = parsed(() => parseArgs({ allowPositionals: true, options }));
  const [path = process.env.AIRLINE_TRANSCRIPTS || undefined, ...others] = positionals;
  if (others.length > 0) throw new InputFault('Give one file of transcripts, or none.');
  const { sessions = '30' } = values;
  if (!/^[1-9]\d{0,5}$/.test(sessions))
    throw new InputFault(`--sessions takes a whole number from 1 on, not ${sessions}`);
  return { path, seed: readSeed(values.seed), sessions: Number(sessions) };
}
