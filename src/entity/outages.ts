// What an outage of the journal means to a stream: its commands are refused at once, and what waits already is too. The laws
// of the house itself wait it out.
import type { HoldfastError } from '../base/errors.ts';
import type { Command, Law } from '../domain/law.ts';
import type { Head, Journal } from '../journal/journal.ts';
import { durabilityOf } from './demand.ts';
import type { Mailbox } from './mailbox.ts';

interface Ports<State, C extends Command> {
  readonly law: Law<State, C>;
  readonly journal: Pick<Journal, 'outage' | 'outageDeclared'>;
}

/** What a command hears that will not get through for a while; undefined for one that may, or that waits. */
export function outageOf<State, C extends Command>(
  { law, journal: { outage } }: Ports<State, C>,
  state: State,
  command: C,
): HoldfastError | undefined {
  if (outage === undefined || law.isUrgent === undefined) return undefined;
  if (durabilityOf(law, state) === 'none') return undefined;
  return outage.total || !law.isUrgent(command) ? outage.refusal : undefined;
}

/** Refuses what waits in the mailbox as soon as it is known that what holds it back will last. */
export function refuseInOutage<State, C extends Command>(
  ports: Ports<State, C>,
  mailbox: Mailbox<C>,
  stateNow: () => State,
): void {
  void ports.journal.outageDeclared?.then(() =>
    mailbox.refuseWaiting((command) => outageOf(ports, stateNow(), command)),
  );
}

/** The head as the reopened journal knows it: in an outage only that of before would be known. */
export async function headWhenHealed(journal: Journal, stream: string): Promise<Head | undefined> {
  while (journal.incident !== undefined) await journal.incident;
  return journal.head(stream);
}
