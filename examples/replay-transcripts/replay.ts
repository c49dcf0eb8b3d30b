// The replay: life after life of the child on the same directory, until every command is answered.
import { KillPlan, type Pace } from './kill-plan.ts';
import { Ledger } from './ledger.ts';
import { Life, type LifeReport } from './life.ts';
import type { SessionScript } from './session-script.ts';

export interface ReplayOptions {
  readonly location: string;
  readonly scripts: readonly SessionScript[];
  readonly random: () => number;
  readonly onProgress: (acknowledged: number, total: number, kills: number) => void;
}

export interface Replayed {
  readonly ledger: Ledger;
  readonly kills: number;
  readonly bootKills: number;
  /** For each kill while the child served, the commands in flight. */
  readonly inFlight: readonly number[];
  /** From each kill that was not followed by another one at once, until the system served again. */
  readonly serveMs: readonly number[];
}

/** Before anything was measured. */
const firstPace: Pace = { bootMs: 200, openingMs: 40, answerMs: 3 };

export async function replay({ location, scripts, random, onProgress }: ReplayOptions): Promise<Replayed> {
  const ledger = new Ledger(scripts);
  const plan = new KillPlan(random, ledger.total);
  const lives: LifeReport[] = [];
  while (!ledger.isDone) {
    const tellProgress = (): void => onProgress(ledger.acknowledged, ledger.total, lives.length);
    lives.push(await Life.run({ location, ledger, plan, pace: paceOf(lives), onProgress: tellProgress }));
  }
  const killed = lives.filter(({ killedAt }) => killedAt !== undefined);
  const serving = killed.filter(({ servingAt }) => servingAt !== undefined);
  return {
    ledger,
    kills: killed.length,
    bootKills: killed.length - serving.length,
    inFlight: serving.map(({ inFlight }) => inFlight),
    serveMs: serveTimes(lives),
  };
}

function paceOf(lives: readonly LifeReport[]): Pace {
  const last = lives.findLast(({ servingAt }) => servingAt !== undefined);
  if (last?.servingAt === undefined) return firstPace;
  const { servingAt, startedAt, openingAt = startedAt, answersMs } = last;
  return {
    bootMs: servingAt - startedAt,
    openingMs: servingAt - openingAt,
    answerMs: answersMs.length === 0 ? firstPace.answerMs : mean(answersMs),
  };
}

function serveTimes(lives: readonly LifeReport[]): number[] {
  return lives.flatMap(({ servingAt }, index) => {
    const killedAt = lives[index - 1]?.killedAt;
    return servingAt === undefined || killedAt === undefined ? [] : [servingAt - killedAt];
  });
}

const mean = (numbers: readonly number[]): number => numbers.reduce((sum, n) => sum + n, 0) / numbers.length;
