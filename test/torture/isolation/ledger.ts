// What a run with the crowd came to: plain data, for it crosses from one process to another.

export interface Ledger {
  untouched: number;
  kills: number;
  /** Sessions killed or attacked, by route. */
  killed: Record<string, number>;
  crashes: number;
  agentCrashes: number;
  abandoned: number;
  subscriberFaults: number;
  inspectorFaults: number;
  quarantined: number;
  /** Sessions whose newest incarnation is not their first. */
  restarted: number;
  asked: number;
  answered: number;
  /** The fewest commands of a session that was left alone. */
  fewest: number;
  heard: number;
  iterators: number;
  /** Bytes of heap with all sessions in memory and nothing under way, and when all was closed. */
  heapQuiet: number;
  heapClosed: number;
  broken: string[];
}

export function newLedger(): Ledger {
  return {
    ...{ untouched: 0, kills: 0, killed: {}, crashes: 0, agentCrashes: 0, abandoned: 0 },
    ...{ subscriberFaults: 0, inspectorFaults: 0, quarantined: 0, restarted: 0, asked: 0, answered: 0 },
    ...{ fewest: Number.MAX_SAFE_INTEGER, heard: 0, iterators: 0, heapQuiet: 0, heapClosed: 0, broken: [] },
  };
}
