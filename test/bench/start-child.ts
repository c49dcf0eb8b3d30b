// One start in a process of its own: Holdfast until its sessions serve, or until the list of them answers too, or the bare
// scan of the same heads with a SHA-256 of each.
import { hash } from 'node:crypto';
import { join } from 'node:path';
import { createSystem } from 'holdfast';
import { Level } from 'level';
import { answerParent } from './forked.ts';
import { type Lap, lapOf } from './lap.ts';

export interface StartTask {
  readonly side: 'product' | 'list' | 'floor';
  readonly location: string;
  /** How many sessions must be found. */
  readonly stored: number;
}

await answerParent(({ side, location, stored }: StartTask): Promise<Lap> => {
  if (side === 'floor') return scanHeads(location, stored);
  return startSystem(location, stored, side === 'list');
});

/** The list loads behind the sessions; `withList` waits for it. */
async function startSystem(location: string, stored: number, withList: boolean): Promise<Lap> {
  let close = async (): Promise<void> => {};
  const lap = await lapOf(1, async () => {
    const system = await createSystem({ location });
    close = () => system.close();
    await system.client.sessions.get({ sessionId: `stored-${stored - 1}` });
    if (!withList) return;
    const { total } = await system.client.sessions.list({ limit: 1 });
    if (total !== stored) throw new RangeError(`${total} sessions instead of ${stored}`);
  });
  await close();
  return lap;
}

/** All heads in pages of 1,000, in order of their keys, each hashed as one text. */
async function scanHeads(location: string, stored: number): Promise<Lap> {
  let close = async (): Promise<void> => {};
  const lap = await lapOf(1, async () => {
    const db = new Level<string, string>(join(location, 'store'), { createIfMissing: false });
    await db.open();
    close = () => db.close();
    const heads = db.iterator({ gte: 'h!session/', lt: 'h!session0', highWaterMarkBytes: 4_194_304 });
    let found = 0;
    for (let page = await heads.nextv(1000); page.length > 0; page = await heads.nextv(1000)) {
      for (const [, head] of page) hash('sha256', head, 'base64url');
      found += page.length;
    }
    await heads.close();
    if (found !== stored) throw new RangeError(`${found} heads instead of ${stored}`);
  });
  await close();
  return lap;
}
