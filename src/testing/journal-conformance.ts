// The conformance suite of the journal port: whoever implements the port runs it, with the test runner of their choice.
import { testAppends } from './journal-conformance/append-behaviour.ts';
import { testErasure } from './journal-conformance/erasure-behaviour.ts';
import { testFeed } from './journal-conformance/feed-behaviour.ts';
import {
  type JournalStoreFactory,
  type JournalTraits,
  withJournalOf,
} from './journal-conformance/journal-fixture.ts';
import { testLifecycle } from './journal-conformance/lifecycle-behaviour.ts';
import { testLimits } from './journal-conformance/limit-behaviour.ts';
import { testKeyValue, testListing } from './journal-conformance/listing-behaviour.ts';
import { testReading } from './journal-conformance/reading-behaviour.ts';
import { testRetention } from './journal-conformance/retention-behaviour.ts';
import type { SuiteRunner } from './suite-runner.ts';

/**
 * Declares the suite with the functions of a test runner, such as Vitest's or Jest's `{ describe, test, expect }`.
 * `factory` makes a new and empty store for each test; the suite closes its journal and destroys it. Of a store whose
 * streams live as long as the process alone, `{ inMemory: true }` asks what can be asked of it.
 */
export function journalConformance(
  runner: SuiteRunner,
  factory: JournalStoreFactory,
  traits: JournalTraits = {},
): void {
  const { inMemory = false } = traits;
  const skip = (): void => {};
  const suite = {
    ...runner,
    withJournal: withJournalOf(factory, traits),
    inMemory,
    testStored: inMemory ? skip : runner.test,
  };
  testAppends(suite);
  testReading(suite);
  if (!inMemory) testFeed(suite);
  testRetention(suite);
  testErasure(suite);
  testListing(suite);
  testKeyValue(suite);
  testLimits(suite);
  testLifecycle(suite);
}
