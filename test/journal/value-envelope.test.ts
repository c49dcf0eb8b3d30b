// Values in their envelope: they come back as they were, say which key they need, and never come back as something else.
import { randomBytes } from 'node:crypto';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { type EncryptionKey, keyIdOf, valueEnvelope } from '../../src/journal/store/value-envelope.ts';

const keyOf = (id: string): EncryptionKey => ({ id, key: randomBytes(32) });
const [old, next] = [keyOf('2026-01'), keyOf('2026-02')];
const text = fc.oneof(
  fc.string({ unit: 'binary' }).map((rest) => `\u0001${rest}`),
  fc.string({ unit: 'binary', maxLength: 200 }),
  fc.constant('ab'.repeat(5_000)),
);

const codeOf = (run: () => unknown): unknown => {
  try {
    return run();
  } catch (error) {
    return (error as { code?: unknown }).code;
  }
};

describe('an envelope', () => {
  test.each([
    ['plain', {}],
    ['compressed', { compressAbove: 0 }],
    ['encrypted', { encryptionKeys: [old] }],
    ['both', { encryptionKeys: [old], compressAbove: 64 }],
  ])('gives back every text: %s', (_, atRest) => {
    const envelope = valueEnvelope(atRest);
    fc.assert(
      fc.property(text, (given) => {
        expect(envelope.decode(envelope.encode(given))).toBe(given);
      }),
    );
  });

  test('shows nothing of an encrypted text, and never the same bytes twice', () => {
    const envelope = valueEnvelope({ encryptionKeys: [old] });
    const [a, b] = [envelope.encode('a secret'), envelope.encode('a secret')];
    expect(a.includes('secret')).toBe(false);
    expect(a.equals(b)).toBe(false);
    expect(keyIdOf(a)).toBe('2026-01');
  });

  test('makes a long text shorter, and leaves a short one as it is', () => {
    const envelope = valueEnvelope({ compressAbove: 1_000 });
    expect(envelope.encode('ab'.repeat(5_000)).length).toBeLessThan(200);
    expect(envelope.encode('short').toString()).toBe('short');
  });

  test('reads what was written before it was turned on, and under keys that write no more', () => {
    const before = valueEnvelope({}).encode('{"plain":1}');
    const under = valueEnvelope({ encryptionKeys: [old] }).encode('old');
    const now = valueEnvelope({ encryptionKeys: [next, old], compressAbove: 0 });
    expect([now.decode(before), now.decode(under)]).toEqual(['{"plain":1}', 'old']);
    expect([before, under, now.encode('x')].map((stored) => now.isOutdated(stored))).toEqual([
      true,
      true,
      false,
    ]);
    expect(valueEnvelope({}).isOutdated(before)).toBe(false);
  });

  test('asks for the key that is missing, by its id', () => {
    const stored = valueEnvelope({ encryptionKeys: [old] }).encode('x');
    for (const keys of [[], [next]])
      expect(codeOf(() => valueEnvelope({ encryptionKeys: keys }).decode(stored))).toBe(
        'ENCRYPTION_KEY_MISSING',
      );
  });

  test('gives another text for no change of a byte', () => {
    const envelope = valueEnvelope({ encryptionKeys: [old], compressAbove: 0 });
    const stored = envelope.encode('{"the":"text"}');
    const wrong = [...stored.keys()].filter((at) => {
      const changed = Buffer.from(stored);
      changed.writeUInt8((changed[at] ?? 0) ^ 0x40, at);
      const read = codeOf(() => envelope.decode(changed));
      // With another first byte it is taken for a plain text, which no record, head or snapshot looks like.
      return at > 0 && read !== '\u0001' && read !== 'ENCRYPTION_KEY_MISSING';
    });
    expect(wrong).toEqual([]);
  });

  test('under another key of the same id is unreadable', () => {
    const stored = valueEnvelope({ encryptionKeys: [old] }).encode('x');
    expect(valueEnvelope({ encryptionKeys: [keyOf(old.id)] }).decode(stored)).toBe('\u0001');
  });

  test.each([
    ['too short', [{ id: 'a', key: randomBytes(16) }], /encryptionKeys.0.key: give 32 bytes, these are 16/],
    ['without an id', [keyOf('')], /encryptionKeys.0.id/],
    ['twice', [keyOf('a'), keyOf('a')], /same id/],
  ])('takes no key that is %s', (_, encryptionKeys, problem) => {
    expect(() => valueEnvelope({ encryptionKeys })).toThrow(problem);
  });
});
