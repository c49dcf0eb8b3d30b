// npm run golden -- NAME: writes the golden store of the present format to test/golden/NAME. A store that was published is never
// written again: the program refuses.
import { cp, mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { accountOf } from './account.ts';
import { openStory, tellStory } from './story.ts';
import { tellTogether } from './story-together.ts';

const [name = ''] = process.argv.slice(2);
if (!/^[a-z0-9.-]+$/.test(name)) throw new Error('usage: npm run golden -- NAME, such as format-1');
const target = join('test', 'golden', name);
const scratch = await mkdtemp(join(tmpdir(), 'golden-'));
await mkdir(target);
const clock = await tellStory(scratch);
await tellTogether(scratch, clock);
await cp(scratch, join(target, 'data'), {
  recursive: true,
  filter: (path) => !/(LOCK|LOG|LOG\.old|reserve)$/.test(path),
});
const system = await openStory(scratch, clock, { agents: {} });
const account = { now: clock.now(), ...(await accountOf(system.client)) };
await system.close();
await writeFile(join(target, 'account.json'), `${JSON.stringify(account, null, 2)}\n`);
await rm(scratch, { recursive: true });
console.log(`${target} is written: ${Object.keys(account).join(', ')}`);
