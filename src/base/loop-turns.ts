// Work that no answer and no commit waits for. Those who are answered in one turn of the event loop send again in it, and their commit
// is handed to the disk in the next: what is begun behind both is done while the disk is at work.
import { setImmediate as nextTurn } from 'node:timers/promises';

export async function behindNextCommit(): Promise<void> {
  await nextTurn();
  await nextTurn();
}

/** Runs it behind the next commit: once, however often it is asked for until then. */
export function laterOnce(run: () => void): () => void {
  let isComing = false;
  return () => {
    if (isComing) return;
    isComing = true;
    void behindNextCommit().then(() => {
      isComing = false;
      run();
    });
  };
}
