// The public names of `holdfast/testing`: what tests of programs on Holdfast are made of, and the suites of its ports.
export type { Decision, Law, LawEvent } from '../domain/law.ts';
export { CrashMatrixError, crashMatrix } from './crash-matrix/crash-matrix.ts';
export type { EntityScenario } from './crash-matrix/entity-matrix.ts';
export type {
  CommandPlace,
  CrashMatrixOptions,
  CrashMatrixResult,
  CrashPlace,
  CrashPorts,
  CrashScenario,
} from './crash-matrix/scenario.ts';
export type { SystemScenario } from './crash-matrix/system-matrix.ts';
export type { DiskOperation } from './disk-gate.ts';
export { DiskImage } from './disk-image.ts';
export {
  everyWrite,
  type Fault,
  type FaultPlan,
  type FaultyLevel,
  faultyLevel,
  type HeldWrites,
  nthWrite,
  randomWrites,
} from './faulty-level.ts';
export type {
  JournalStore,
  JournalStoreFactory,
  JournalTraits,
} from './journal-conformance/journal-fixture.ts';
export { journalConformance } from './journal-conformance.ts';
export {
  assertLifecycle,
  type LifecycleProblem,
  type LifecycleProof,
  type LifecycleProofOptions,
  proveLifecycle,
} from './lifecycle-proof.ts';
export {
  checkLinearizable,
  type LinearModel,
  type LinearOptions,
  type LinearVerdict,
  type ObservedCall,
} from './linearizability.ts';
export { type ManualClock, manualClock } from './manual-clock.ts';
export {
  assertReplayable,
  type ReplayableOptions,
  type ReplayDifference,
  type ReplayProof,
  replayDifference,
} from './replayable.ts';
export { type Random, seededRandom } from './seeded-random.ts';
export {
  type DiskFault,
  type DiskPoint,
  type SimulatedDisk,
  type SimulatedDiskOptions,
  simulatedDisk,
} from './simulated-disk.ts';
export type { SuiteRunner } from './suite-runner.ts';
export { createTestSystem, type TestSystem, type TestSystemOptions } from './test-system.ts';
