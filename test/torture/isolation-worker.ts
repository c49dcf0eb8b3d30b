// The process of the isolation campaign: one crowd, with kills or without. A small one is killed before either, so that the
// code that deals with kills is in memory in both and what differs is what the kills left behind.
import { answer } from './in-child.ts';
import { Crowd, type CrowdOptions } from './isolation/crowd.ts';

await answer<CrowdOptions>(async (options, progress) => {
  const small = { ...options, sessions: 500, victims: 250, kills: true, measureHeap: false };
  await new Crowd(small, () => {}).run();
  return new Crowd(options, progress).run();
});
