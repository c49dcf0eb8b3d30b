// What JavaScript has and JSON does not goes through JSON and comes back as it was, whatever it is nested in.
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { plainJson } from '../../src/base/json.ts';
import { type PayloadCodec, payloadCodecs, richCodecs } from '../../src/base/payload-codec.ts';

const rich = payloadCodecs(richCodecs);

const throughJson = (value: unknown): unknown =>
  rich.decode(JSON.parse(JSON.stringify(plainJson(rich.encode(value)))));

const leaf = fc.oneof(
  fc.constantFrom(undefined, null, Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY, -0, ''),
  fc.double(),
  fc.bigInt(),
  fc.string(),
  fc.date({ noInvalidDate: false }),
  fc.uint8Array(),
  fc.float64Array(),
  fc.uint8Array().map((bytes) => Buffer.from(bytes)),
  fc.constantFrom(/a\/b/giu, new URL('https://example.org/a?b=c#d')),
);

const { value } = fc.letrec((tie) => ({
  value: fc.oneof({ maxDepth: 3 }, leaf, tie('array'), tie('object'), tie('map'), tie('set')),
  array: fc.array(tie('value'), { maxLength: 4 }),
  object: fc.dictionary(
    fc.oneof(fc.string(), fc.constantFrom('$codec', '__proto__', 'value')),
    tie('value'),
    {
      maxKeys: 4,
      noNullPrototype: true,
    },
  ),
  map: fc.array(fc.tuple(tie('value'), tie('value')), { maxLength: 3 }).map((entries) => new Map(entries)),
  set: fc.array(tie('value'), { maxLength: 3 }).map((members) => new Set(members)),
}));

describe('rich codecs', () => {
  test('leave instances of classes that extend a known one to be refused by name, or to a codec of theirs', () => {
    const extended = [
      new (class Ledger extends Map<number, number> {})([[1, 2]]),
      new (class Tags extends Set {})(),
      new (class Day extends Date {})(0),
      new (class Bytes extends Uint8Array {})(3),
    ];
    for (const odd of extended)
      expect(() => plainJson(rich.encode({ odd }))).toThrow(`it is a ${odd.constructor.name}`);
  });

  test('bring back every value as it was, through JSON', () => {
    fc.assert(
      fc.property(value, (given) => {
        expect(throughJson(given)).toStrictEqual(given);
      }),
    );
  });

  test.each([
    ['Int8Array', Int8Array.of(-1, 1)],
    ['BigInt64Array', BigInt64Array.of(-1n, 2n ** 62n)],
    ['Float32Array, a part of a larger buffer', new Float32Array(Float32Array.of(1, 2, 3).buffer, 4, 1)],
    ['ArrayBuffer', Uint8Array.of(1, 2).buffer],
    ['DataView', new DataView(Uint8Array.of(1, 2, 3).buffer, 1)],
  ])('bring back a %s', (_, given) => {
    const back = throughJson({ given }) as { given: typeof given };
    expect(back.given.constructor).toBe(given.constructor);
    const bytes = (of: typeof given): Buffer =>
      of instanceof ArrayBuffer ? Buffer.from(of) : Buffer.from(of.buffer, of.byteOffset, of.byteLength);
    expect(bytes(back.given)).toEqual(bytes(given));
  });

  test('copy nothing where there is nothing to write', () => {
    const plain = { a: [1, { b: 'c' }], d: null };
    expect(rich.encode(plain)).toBe(plain);
    expect(rich.decode(plain)).toBe(plain);
  });

  test('refuse what holds itself', () => {
    const endless: unknown[] = [];
    endless.push(endless);
    expect(() => rich.encode(endless)).toThrow(expect.objectContaining({ code: 'NOT_JSON' }));
    const endlessMap = new Map();
    endlessMap.set(1, endlessMap);
    expect(() => rich.encode(endlessMap)).toThrow(expect.objectContaining({ code: 'TOO_DEEP' }));
  });

  test('leave an array of a class of its own to be refused, whatever it holds', () => {
    class Dates extends Array<Date> {}
    const dates = Dates.of(new Date(0));
    expect(rich.encode(dates)).toBe(dates);
  });
});

describe('codecs of a user', () => {
  class Money {
    readonly cents: bigint;
    constructor(cents: bigint) {
      this.cents = cents;
    }
  }
  const money: PayloadCodec<Money> = {
    name: 'money',
    matches: (given) => given instanceof Money,
    encode: ({ cents }) => cents,
    decode: (written) => new Money(written as bigint),
  };

  test('may build on others', () => {
    const both = payloadCodecs([money as PayloadCodec, ...richCodecs]);
    const written = both.encode({ price: new Money(5n) });
    expect(written).toEqual({ price: { $codec: 'money', value: { $codec: 'bigint', value: '5' } } });
    expect(both.decode(written)).toStrictEqual({ price: new Money(5n) });
  });

  test('that are missing are named, and nothing is guessed', () => {
    expect(() => rich.decode({ price: { $codec: 'money', value: '5' } })).toThrow(
      expect.objectContaining({ code: 'CODEC_UNKNOWN' }),
    );
  });

  test('have names of their own', () => {
    const named = (name: string): PayloadCodec => ({ ...(money as PayloadCodec), name });
    for (const names of [['a', 'a'], [''], ['object']])
      expect(() => payloadCodecs(names.map(named))).toThrow(TypeError);
  });
});
