// The table at the end: what there was, and that the books agree.
import type { Books, CustomerBook } from './books.ts';
import { differences } from './differences.ts';
import type { Found } from './found-books.ts';
import type { Day } from './lives.ts';
import { policiesInTheEnd } from './policies.ts';

type Row = readonly [label: string, value: string | number];

/** Prints the table, and what differs from the transcripts; true when nothing does. */
export function printSummary(expected: Books, found: Found, day: Day): boolean {
  const rows = summaryRows(found, day);
  const width = Math.max(...rows.map(([label]) => label.length));
  for (const [label, value] of rows) console.log(`  ${label.padEnd(width)}  ${value}`);
  const wrong = findings(expected, found.books, day);
  for (const finding of wrong.slice(0, 20)) console.log(`WRONG: ${finding}`);
  if (wrong.length > 20) console.log(`WRONG: and ${wrong.length - 20} more`);
  if (wrong.length === 0)
    console.log(
      'As in the transcripts: each message once and in order, each call one task, each transfer one handoff.',
    );
  return wrong.length === 0;
}

/** One sentence for each thing that is not as the transcripts say. */
function findings(expected: Books, found: Books, { kills }: Day): string[] {
  const shown = kills < 2 ? [`only ${kills} kills, so nothing was shown`] : [];
  return [...shown, ...differences(expected, found)];
}

const knowsPolicies = ({ policies }: CustomerBook): boolean =>
  differences(policiesInTheEnd, policies).length === 0;

function summaryRows({ books, calledAgain, starts, receipts }: Found, { kills, told }: Day): Row[] {
  const customers = Object.values(books.customers);
  const tasks = customers.flatMap((customer) => Object.values(customer.tasks));
  const handoffs = customers.flatMap((customer) => customer.handoffs);
  const reRun = receipts.reduce((sum, receipt) => sum + receipt.reRun.length, 0);
  return [
    ['sessions', customers.length],
    ['messages', customers.reduce((sum, { messages }) => sum + messages.length, 0)],
    ['tool calls done by the airline', `${books.airline.length} (asked for again: ${calledAgain})`],
    ['tasks done', tasks.filter(({ status }) => status === 'completed').length],
    ['attempts at tasks', told['task.started']],
    ['handoffs accepted and completed', handoffs.filter(({ status }) => status === 'completed').length],
    ['packages at the desk', Object.values(books.desk).flat().length],
    ['sessions that know the new policy', customers.filter(knowsPolicies).length],
    ['kills', kills],
    ['starts', `${starts}, of them ${books.recovery.startsAfterKills} after a kill`],
    ['receipts of recovery', `${receipts.length}, with ${reRun} agents begun once more`],
  ];
}
