// Where and when something was measured; it stands in every file that the bench writes.
import { availableParallelism, cpus, loadavg, totalmem } from 'node:os';

export interface Machine {
  readonly node: string;
  readonly cores: number;
  readonly cpu: string;
  readonly memoryMb: number;
  readonly load: readonly number[];
  readonly nodeOptions: string;
  readonly date: string;
}

export function thisMachine(): Machine {
  return {
    node: process.version,
    cores: availableParallelism(),
    cpu: cpus()[0]?.model ?? 'unknown',
    memoryMb: Math.round(totalmem() / 1_048_576),
    load: loadavg().map((load) => Math.round(load * 100) / 100),
    nodeOptions: [...process.execArgv, process.env.NODE_OPTIONS ?? '']
      .filter((text) => text !== '')
      .join(' '),
    date: new Date().toISOString(),
  };
}

export const describeMachine = ({ node, cores, cpu, memoryMb, load }: Machine): string =>
  `Node ${node}, ${cores} cores (${cpu}), ${Math.round(memoryMb / 1024)} GB, load ${load.join(' ')}`;
