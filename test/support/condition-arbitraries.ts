// Commands to a condition as a property test draws them: few values, so that the same is often asked for again.
import fc from 'fast-check';
import { type ConditionCommand, conditionKinds } from '../../src/domain/recovery/condition-law.ts';

const kind = fc.constantFrom(...conditionKinds);
const reason = fc.constantFrom('a', 'b', '');
const error = fc.option(
  fc.record(
    { name: fc.constant('Error'), message: fc.constantFrom('', 'm'), code: fc.constant('C') },
    { requiredKeys: ['name', 'message'] },
  ),
);
const askedAt = fc.nat(100);

export const newCondition = fc.record({ condition: kind, reason, error, restarts: fc.nat(2) });

export const clearedCondition = fc.record({ condition: kind, reason }, { requiredKeys: ['reason'] });

export const conditionCommands: fc.Arbitrary<readonly ConditionCommand[]> = fc.array(
  fc.oneof(
    fc
      .tuple(newCondition, askedAt)
      .map(([data, at]): ConditionCommand => ({ type: 'condition.set', ...data, askedAt: at })),
    fc
      .tuple(clearedCondition, askedAt)
      .map(([data, at]): ConditionCommand => ({ type: 'condition.clear', ...data, askedAt: at })),
  ),
  { maxLength: 12, size: 'max' },
);
