// A record on its own: what it holds comes back, what was damaged does not, and what was erased stays proven.
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { EventDraft, EventMeta, StoredEvent } from '../../src/journal/journal.ts';
import { type DecodedRecord, decodeRecord, encodeRecord, eraseRecord } from '../../src/journal/record.ts';

const stream = 'session/alpha';

function draftOf(data: unknown, meta: EventMeta = {}): EventDraft {
  const event: StoredEvent = {
    ...{ stream, seq: 7, at: 1_767_225_600_000, type: 'thing.happened', typeVersion: 2, data },
    meta: JSON.parse(JSON.stringify(meta)),
  };
  return { event, payload: JSON.stringify(data) };
}

/** As LevelDB hands it out: bytes that may be no UTF-8 any more. */
const asStored = (bytes: Buffer): string => bytes.toString('utf8');

function tryDecode(value: string): DecodedRecord | 'corrupt' {
  try {
    return decodeRecord(value, stream, 7);
  } catch (error) {
    expect(error).toMatchObject({ code: 'JOURNAL_CORRUPT', details: { stream, seq: 7 } });
    return 'corrupt';
  }
}

describe('a record', () => {
  const text = fc.oneof(
    fc.string({ unit: 'binary' }),
    fc.string({
      unit: fc.constantFrom('\n', '\r', '\u2028', '"', '\\', '\ud800', '\udc00', '\ufffd', '𝄞', '\0'),
    }),
  );

  test('gives back any payload and any meta, also with line breaks, unicode and half characters', () => {
    fc.assert(
      fc.property(
        fc.jsonValue({ stringUnit: 'binary' }),
        text,
        fc.record({ by: text, agent: text }),
        (json, own, meta) => {
          const draft = draftOf({ json, own }, meta);
          const { value, hash } = encodeRecord(draft, 'previous');
          const stored = asStored(Buffer.from(value));
          const decoded = decodeRecord(stored, stream, 7);
          expect(JSON.stringify(decoded.event)).toBe(
            JSON.stringify({ ...draft.event, data: JSON.parse(draft.payload) }),
          );
          expect(decoded).toMatchObject({ hash, prev: 'previous' });
        },
      ),
    );
  });

  test('keeps a payload that was written over several lines', () => {
    const draft = draftOf({ a: [1, { b: 2 }] });
    const { value } = encodeRecord({ ...draft, payload: JSON.stringify(draft.event.data, null, 2) }, '');
    expect(decodeRecord(value, stream, 7).event).toEqual(draft.event);
  });

  test('with a type that needs escaping comes back as it was', () => {
    const draft = draftOf(1);
    const odd = { ...draft, event: { ...draft.event, type: 'a","v":9,"x":"' } };
    expect(decodeRecord(encodeRecord(odd, '').value, stream, 7).event).toEqual(odd.event);
  });

  test('of the same event is never the same twice: nobody can guess a payload from its digest', () => {
    const draft = draftOf('yes');
    const first = encodeRecord(draft, '');
    const second = encodeRecord(draft, '');
    expect(second.hash).not.toBe(first.hash);
    expect(decodeRecord(first.value, stream, 7).event).toEqual(decodeRecord(second.value, stream, 7).event);
  });

  test.each([
    [
      'with a payload',
      encodeRecord(draftOf({ text: 'Zeile\nä€𝄞\ufffd', n: [1, 2] }, { by: 'ü' }), 'p'.repeat(43)).value,
    ],
    [
      'whose payload was erased',
      eraseRecord(encodeRecord(draftOf('secret', { by: 'ü' }), 'p'.repeat(43)).value),
    ],
  ])('%s shows each flipped bit of each byte, or reads as before', (_, value) => {
    const before = decodeRecord(value, stream, 7);
    const bytes = Buffer.from(value);
    let found = 0;
    for (let index = 0; index < bytes.length; index++) {
      for (let bit = 0; bit < 8; bit++) {
        const damaged = Buffer.from(bytes);
        damaged.writeUInt8(damaged.readUInt8(index) ^ (1 << bit), index);
        const decoded = tryDecode(asStored(damaged));
        if (decoded === 'corrupt') found += 1;
        else expect(decoded).toEqual(before);
      }
    }
    expect(found).toBeGreaterThan(bytes.length * 7);
  });

  test.each([
    ['with a payload', encodeRecord(draftOf({ text: 'x\ny' }), '').value],
    ['with an empty payload', encodeRecord({ ...draftOf(0), payload: '""' }, '').value],
  ])('%s that was cut off anywhere but before its salt is damaged', (_, value) => {
    const header = eraseRecord(value);
    for (let length = 0; length < value.length; length++) {
      if (length !== header.length) expect(tryDecode(value.slice(0, length))).toBe('corrupt');
    }
  });

  test('under another seq or stream than its own is damaged', () => {
    const { value } = encodeRecord(draftOf(1), '');
    const corrupt = expect.objectContaining({ code: 'JOURNAL_CORRUPT' });
    expect(() => decodeRecord(value, stream, 8)).toThrow(corrupt);
    expect(() => decodeRecord(value, 'session/beta', 7)).toThrow(corrupt);
  });
});

describe('erasing a record', () => {
  test('takes the payload and its salt, and leaves header, hash and chain', () => {
    const { value, hash } = encodeRecord(draftOf({ name: 'Ada' }, { by: 'someone' }), 'previous');
    const erased = eraseRecord(value);
    expect(erased).not.toContain('Ada');
    expect(value.startsWith(erased)).toBe(true);
    const decoded = decodeRecord(erased, stream, 7);
    expect(decoded).toMatchObject({ hash, prev: 'previous' });
    expect(decoded.event.data).toBeUndefined();
    expect(decoded.event).toMatchObject({ type: 'thing.happened', meta: { by: 'someone' } });
  });

  test('twice is erasing once', () => {
    const erased = eraseRecord(encodeRecord(draftOf('a\nb'), '').value);
    expect(eraseRecord(erased)).toBe(erased);
  });
});
