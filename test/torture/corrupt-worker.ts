// The process of the corrupt campaign: writes the last opening of a store, and waits to be killed.
import { openings, type Writing, write } from './corrupt/writing.ts';

await write(JSON.parse(process.argv[2] ?? '{}') as Writing, openings - 1);
process.send?.('written');
