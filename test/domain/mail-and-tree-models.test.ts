// The laws of mail and of session trees against plain models. The long form is `npm run torture -- laws`.
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { liveMail, mailSteps } from '../support/mail-model.ts';
import { liveTree, treeSteps } from '../support/tree-model.ts';

test('whatever is sent, taken, comes back and is thrown away, mail holds what a plain list would hold', () => {
  const seen = new Set<string>();
  const property = fc.property(mailSteps, (steps) => {
    for (const { type } of liveMail(steps).events) seen.add(type);
  });
  fc.assert(property, { numRuns: 120 });
  expect(seen.size).toBe(6);
});

test('whatever becomes of a tree, what was spent is what was charged, and who stands below is who was adopted', () => {
  const seen = new Set<string>();
  const property = fc.property(treeSteps, (steps) => {
    for (const { type } of liveTree(steps).events) seen.add(type);
  });
  fc.assert(property, { numRuns: 120 });
  expect(seen.size).toBe(12);
});
