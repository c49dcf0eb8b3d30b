// Where the transcripts come from: a file that is named, the one beside the repository, or made from a seed.
import { existsSync } from 'node:fs';
import { resolve } from 'node:path';
import { generateTranscripts } from '../replay-transcripts/generated-transcripts.ts';
import { InputFault, type Transcript } from '../replay-transcripts/transcript.ts';
import { readTranscripts } from '../replay-transcripts/transcript-file.ts';
import { type ToolCall, toolCallsOf } from './tool-calls.ts';

export interface Source {
  /** In words, for people. */
  readonly name: string;
  readonly transcripts: readonly Transcript[];
}

export interface SourceRequest {
  /** A file, or undefined to look for one. */
  readonly path: string | undefined;
  readonly sessions: number;
  readonly seed: number;
}

/** Beside the repository, where npm runs its scripts. */
const besideRepository = (): string => resolve('..', 'shared', 'data', 'airline-transcripts.jsonl.gz');

export function findTranscripts({ path, sessions, seed }: SourceRequest): Source {
  const beside = besideRepository();
  const file = path ?? (existsSync(beside) ? beside : undefined);
  if (file === undefined) return { name: 'generated transcripts', transcripts: generated(seed, sessions) };
  const transcripts = readTranscripts(file).slice(0, sessions);
  for (const transcript of transcripts) assertOneTransfer(file, transcript);
  return { name: file, transcripts };
}

/** Transcripts of a seed, among which there are tool calls and a transfer: of the next seed where need be. */
export function generated(seed: number, sessions: number): Transcript[] {
  for (let next = seed; ; next++) {
    const transcripts = generateTranscripts(next, sessions);
    const calls = transcripts.flatMap(toolCallsOf);
    if (calls.some(isTransfer) && !calls.every(isTransfer)) return transcripts;
  }
}

/** A session that was handed over has ended: nobody can hand it over again. */
function assertOneTransfer(file: string, transcript: Transcript): void {
  if (toolCallsOf(transcript).filter(isTransfer).length > 1)
    throw new InputFault(`${file}, line ${transcript.line}: a customer can be transferred once`);
}

const isTransfer = (call: ToolCall): boolean => call.isTransfer;
