// JSON values over a pipe, one a line.
import type { Readable } from 'node:stream';
import { StringDecoder } from 'node:string_decoder';

/** Hands over each whole line; what a killed writer left unfinished at the end is no line. */
export function readLines<Line>(from: Readable, hear: (line: Line) => void): void {
  const decoder = new StringDecoder('utf8');
  let unfinished = '';
  from.on('data', (chunk: Buffer) => {
    const parts = (unfinished + decoder.write(chunk)).split('\n');
    unfinished = parts.pop() ?? '';
    for (const part of parts) hear(JSON.parse(part) as Line);
  });
}

export function toLine(value: unknown): string {
  return `${JSON.stringify(value)}\n`;
}
