// A process that owns a journal until it is killed: it appends to one stream for ever and tells each seq that is durable.
import { join } from 'node:path';
import { setImmediate as nextTurn } from 'node:timers/promises';
import type { Version } from '../../src/journal/journal.ts';
import { openLevelJournal } from '../../src/journal/open-level-journal.ts';
import { readWitness } from '../../src/journal/store/witness-files.ts';

const [location = '', stream = '', lastSeq = ''] = process.argv.slice(2);
const journal = await openLevelJournal(location);

let version: Version | null = null;
for (let seq = 1; seq <= Number(lastSeq); seq++) {
  const meta = { operationId: `op-${seq}` };
  const event = { stream, seq, at: seq, type: 'thing.happened', typeVersion: 1, data: { n: seq }, meta };
  const head = { status: 'active', dueAt: null, summary: null };
  const result = await journal.append(stream, version, [{ event, payload: JSON.stringify(event.data) }], {
    head,
  });
  if (!result.ok) throw new Error(`The append ended in ${result.reason}`);
  version = result.head.version;
  process.send?.(seq);
}
// What is noted behind the answers is in its file too: from here on nothing is written.
while ((await readWitness(join(location, 'witness'))).tail.get(stream)?.last !== Number(lastSeq))
  await nextTurn();
process.send?.('done');
// Nothing else keeps this process alive: an open journal does not.
process.on('message', () => {});
