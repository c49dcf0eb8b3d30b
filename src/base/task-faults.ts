// What is wrong with the options of tasks, each fault with its place.
import { z } from 'zod';

const name = z.string().min(1).max(200);
const most = z.number().int().min(1).optional();
const gate = z.custom((value) => typeof value === 'function', 'give a function');

const schema = z.strictObject({
  gates: z.record(name, gate).optional(),
  roles: z.record(name, z.array(name).min(1)).optional(),
  gateTimeoutMs: z.number().int().min(1).max(2_147_483_647).optional(),
  maxRunning: most,
  maxRunningPerSession: most,
});

export function faultsOfTasks(options: unknown): readonly string[] {
  const { error } = schema.safeParse(options);
  return (error?.issues ?? []).map(({ path, message }) => [path.join('.') || 'tasks', message].join(': '));
}
