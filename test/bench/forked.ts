// What must not share heap and compiled code with anything else is measured in a process of its own: it is given its task as
// JSON in its arguments, and sends back one answer.
import { fork } from 'node:child_process';
import { fileURLToPath } from 'node:url';

export type ChildName = 'memory-child' | 'start-child' | 'scale-child' | 'recovery-child';

export function childFile(name: ChildName): string {
  return fileURLToPath(new URL(`./${name}.js`, import.meta.url));
}

export function runChild<Answer>(name: ChildName, task: object): Promise<Answer> {
  const child = fork(childFile(name), [JSON.stringify(task)], { execArgv: ['--expose-gc'] });
  return new Promise((resolve, reject) => {
    child.once('message', (answer) => resolve(answer as Answer));
    child.once('error', reject);
    child.once('exit', (code) => reject(new Error(`${name} ended with status ${code} and no answer`)));
  });
}

/** In the child: does its task and ends. */
export async function answerParent<Task>(job: (task: Task) => Promise<unknown>): Promise<void> {
  process.send?.(await job(JSON.parse(process.argv[2] ?? '{}') as Task));
  process.disconnect?.();
}
