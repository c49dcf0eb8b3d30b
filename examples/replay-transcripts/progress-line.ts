// Progress on a terminal; elsewhere nothing is printed.
import { Presets, SingleBar } from 'cli-progress';

export interface ProgressLine {
  show(acknowledged: number, total: number, kills: number): void;
  stop(): void;
}

export function progressLine(): ProgressLine {
  if (!process.stdout.isTTY) return { show: () => {}, stop: () => {} };
  const options = {
    format: '{bar} {percentage} % | {value} of {total} acknowledged | killed {kills} times',
    stream: process.stdout,
    gracefulExit: false,
    clearOnComplete: true,
  };
  const bar = new SingleBar(options, Presets.shades_classic);
  return {
    show(acknowledged, total, kills) {
      if (!bar.isActive) bar.start(total, acknowledged, { kills });
      bar.update(acknowledged, { kills });
    },
    stop: () => bar.stop(),
  };
}
