// Runs a job in a process of its own, with a heap that nobody else has touched and a collector that can be called.
import { fork } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import type { TortureOptions } from './harness.ts';

type Word =
  | { readonly type: 'progress'; readonly args: Parameters<TortureOptions['progress']> }
  | { readonly type: 'done'; readonly report: unknown };

/** `program` is compiled beside this file; it is given `job` as JSON, and answers with {@link answer}. */
export async function inChild<Report>(
  program: string,
  job: object,
  progress: TortureOptions['progress'],
): Promise<Report> {
  const path = fileURLToPath(new URL(`./${program}.js`, import.meta.url));
  const child = fork(path, [JSON.stringify(job)], { execArgv: ['--expose-gc', '--max-old-space-size=4096'] });
  const kill = (): void => void child.kill('SIGKILL');
  process.once('exit', kill);
  const reports: Report[] = [];
  child.on('message', (word: Word) => {
    if (word.type === 'progress') progress(...word.args);
    else reports.push(word.report as Report);
  });
  const [code] = await once(child, 'close');
  process.off('exit', kill);
  const [report] = reports;
  if (report === undefined) throw new Error(`${program} ended with ${code} and no report`);
  return report;
}

/** The child's side: runs the job that it was given, and tells what came of it. */
export async function answer<Job>(
  run: (job: Job, progress: TortureOptions['progress']) => Promise<unknown>,
): Promise<void> {
  const job = JSON.parse(process.argv[2] ?? '{}') as Job;
  const tell = (word: Word): void => void process.send?.(word);
  const report = await run(job, (...args) => tell({ type: 'progress', args }));
  tell({ type: 'done', report });
  process.disconnect();
}
