// Transcripts from a file, `.jsonl` or packed as `.jsonl.gz`. Every fault names the file and the line.
import { readFileSync } from 'node:fs';
import { gunzipSync } from 'node:zlib';
import { InputFault, parseTranscript, type Transcript } from './transcript.ts';

const lineFeed = 0x0a;
const gzipMagic = Buffer.from([0x1f, 0x8b]);

export function readTranscripts(path: string): Transcript[] {
  const transcripts: Transcript[] = [];
  for (const [index, bytes] of splitLines(unpacked(path, readBytes(path))).entries()) {
    const line = index + 1;
    try {
      const text = decode(bytes);
      if (text.trim() !== '') transcripts.push(parseTranscript(text, line));
    } catch (error) {
      throw new InputFault(`${path}, line ${line}: ${messageOf(error)}`);
    }
  }
  if (transcripts.length === 0) throw new InputFault(`${path} holds no transcript`);
  return transcripts;
}

function readBytes(path: string): Buffer {
  try {
    return readFileSync(path);
  } catch (error) {
    throw new InputFault(`${path} cannot be read: ${messageOf(error)}`);
  }
}

function unpacked(path: string, bytes: Buffer): Buffer {
  const isPacked = bytes.subarray(0, 2).equals(gzipMagic);
  if (!isPacked && path.endsWith('.gz')) throw new InputFault(`${path} is not a gzip file`);
  try {
    return isPacked ? gunzipSync(bytes) : bytes;
  } catch (error) {
    throw new InputFault(`${path} cannot be unpacked: ${messageOf(error)}`);
  }
}

/** By line feeds alone: a text in JSON may hold every other character that some take for the end of a line. */
function splitLines(bytes: Buffer): Buffer[] {
  const lines: Buffer[] = [];
  for (let from = 0; from < bytes.length; ) {
    const found = bytes.indexOf(lineFeed, from);
    const to = found < 0 ? bytes.length : found;
    lines.push(bytes.subarray(from, to));
    from = to + 1;
  }
  return lines;
}

/** Refuses what is not UTF-8; to go on with replacement characters would alter it without a word. */
function decode(bytes: Buffer): string {
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  } catch {
    throw new InputFault('it is not UTF-8');
  }
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
