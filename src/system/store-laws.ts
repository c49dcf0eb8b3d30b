// What this version of the library writes: every law whose events are stored, with its versions.
import { libraryVersion } from '../base/library-version.ts';
import { locksLaw } from '../domain/lock/lock-law.ts';
import { memoriesLaw } from '../domain/memory/memory-law.ts';
import { conditionLaw } from '../domain/recovery/condition-law.ts';
import { parkedLaw } from '../domain/recovery/parked-law.ts';
import { bootLaw } from '../domain/recovery/recovery-boot-law.ts';
import { recoveryLaw } from '../domain/recovery/recovery-law.ts';
import { rosterLaw } from '../domain/roster/roster-law.ts';
import { sessionLaw } from '../domain/session/session-law.ts';
import { spaceLaw } from '../domain/space/space-law.ts';
import { tasksLaw } from '../domain/task/task-law.ts';
import { mailLaw } from '../domain/tree/mail-law.ts';
import { treeLaw } from '../domain/tree/tree-law.ts';
import { upcasters } from '../domain/upcasters.ts';
import { recordVersion } from '../journal/record.ts';
import type { StoreVersions } from '../journal/store/store-versions.ts';

/** Those of process managers are their users', who raise them by themselves. */
const laws = [
  sessionLaw,
  conditionLaw,
  recoveryLaw,
  bootLaw,
  parkedLaw,
  tasksLaw,
  spaceLaw(),
  memoriesLaw(),
  treeLaw,
  mailLaw,
  rosterLaw,
  locksLaw(),
] as const;

export const ownVersions: StoreVersions = {
  record: recordVersion,
  laws: Object.fromEntries(laws.map(({ kind, version }) => [kind, version])),
  events: Object.fromEntries(Object.entries(upcasters).map(([type, chain]) => [type, chain.length + 1])),
  library: libraryVersion,
};
