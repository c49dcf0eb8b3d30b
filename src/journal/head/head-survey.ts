// A look at all heads of a kind, each verified and none kept: what a boot reads before it serves.
import type { Telemetry } from '../../base/telemetry.ts';
import type { HeadGlance } from '../journal.ts';
import { keys, prefixRange, streamOf } from '../keys.ts';
import type { LevelStore, Store } from '../level-store.ts';
import { isSealed } from '../sealed.ts';
import type { LookAtHead } from '../store/head-tally.ts';
import { GlanceReader } from './head-glance.ts';
import { largeSteps } from './head-page.ts';

/** Read while those before them are looked at. */
const headsPerStep = 500;

export interface Survey {
  readonly prefix: string;
  readonly visit: (glance: HeadGlance) => void;
  /** Is told of each stream whose head is damaged. */
  readonly damaged: (stream: string) => void;
}

export const headDamaged =
  (telemetry: Telemetry) =>
  (stream: string): void =>
    telemetry('head.damaged', { stream });

/** An incident may cut it off: it goes on behind the last head that was seen, and sees none twice. */
export async function surveyHeads(store: LevelStore, survey: Survey): Promise<void> {
  const { gte, lt } = prefixRange(keys.head(survey.prefix));
  const look = lookFor(survey);
  let seen: string | undefined;
  const take = ([key, stored]: readonly [string, string]): void => {
    look(key, stored);
    seen = key;
  };
  await store.read(survey.prefix, 'head', (db) =>
    eachStep(db, seen === undefined ? { gte, lt } : { gt: seen, lt }, (step) => step.forEach(take)),
  );
}

/** Verifies and shows the heads of the kind that is asked for; passes over all others. */
export function lookFor({ prefix, visit, damaged }: Survey): LookAtHead {
  const reader = new GlanceReader();
  const asked = keys.head(prefix);
  return (key, stored) => {
    if (!key.startsWith(asked)) return;
    if (isSealed(key, stored)) visit(reader.read(key, stored));
    else damaged(streamOf(key));
  };
}

type Step = readonly (readonly [string, string])[];

async function eachStep(db: Store, range: object, take: (step: Step) => void): Promise<void> {
  const iterator = db.iterator({ ...range, ...largeSteps });
  try {
    let coming: Promise<Step> = iterator.nextv(headsPerStep);
    for (let step = await coming; step.length > 0; step = await coming) {
      coming = iterator.nextv(headsPerStep);
      // What is thrown below must not leave a rejection behind that nobody hears.
      coming.catch(() => undefined);
      take(step);
    }
  } finally {
    await iterator.close();
  }
}
