// A child on demand as a table over plain data: uptime, failures, back-off. Written by itself, to be compared with the supervisor.
import type { RestartPolicy } from '../../src/actor/child-spec.ts';

type Reason = 'crash' | 'normal';

interface Life {
  readonly restart: RestartPolicy['restart'];
  incarnation: number;
  /** Since when it is up, or when it is to be started again. */
  up: number | undefined;
  due: number | undefined;
  progressed: boolean;
  uptime: number;
  failures: { readonly at: number; forgivable: boolean }[];
}

export class RestartModel {
  readonly policy: Omit<RestartPolicy, 'restart'>;
  readonly lives = new Map<string, Life>();
  readonly logs = new Map<string, string[]>();
  readonly failing = new Map<string, number>();
  readonly givenUp: string[] = [];
  now = 0;

  constructor(policy: Omit<RestartPolicy, 'restart'>) {
    this.policy = policy;
  }

  get up(): readonly string[] {
    return [...this.lives].flatMap(([id, { up, incarnation }]) =>
      up === undefined ? [] : [`${id} ${incarnation}`],
    );
  }

  /** False when the first start fails; a life that is there already goes on. */
  start(id: string, restart: RestartPolicy['restart']): boolean {
    if (this.lives.has(id)) return true;
    const life: Life = {
      restart,
      incarnation: 0,
      up: undefined,
      due: undefined,
      progressed: false,
      uptime: 0,
      failures: [],
    };
    this.lives.set(id, life);
    if (this.#attempt(id, life)) return true;
    this.lives.delete(id);
    return false;
  }

  ended(id: string, reason: Reason): void {
    const life = this.lives.get(id);
    if (life?.up === undefined) return;
    const upMs = this.now - life.up;
    life.up = undefined;
    this.#follow(id, life, reason, upMs);
  }

  stop(id: string): void {
    const life = this.lives.get(id);
    if (life?.up !== undefined) this.say(id, `stop ${id} ${life.incarnation}`);
    this.lives.delete(id);
  }

  advance(ms: number): void {
    const until = this.now + ms;
    for (let next = this.#nextDue(until); next !== undefined; next = this.#nextDue(until)) {
      const [id, life] = next;
      this.now = Math.max(this.now, life.due ?? 0);
      life.due = undefined;
      if (!this.#attempt(id, life)) this.#follow(id, life, 'crash', 0);
    }
    this.now = until;
  }

  say(id: string, line: string): void {
    this.logs.set(id, [...(this.logs.get(id) ?? []), line]);
  }

  #nextDue(until: number): [string, Life] | undefined {
    const due = [...this.lives].filter(([, life]) => life.due !== undefined && life.due <= until);
    return due.sort(([, a], [, b]) => (a.due ?? 0) - (b.due ?? 0))[0];
  }

  #follow(id: string, life: Life, reason: Reason, upMs: number): void {
    const { intensity, backOff } = this.policy;
    if (life.restart === 'temporary' || (life.restart === 'transient' && reason === 'normal')) {
      this.lives.delete(id);
      return;
    }
    life.uptime += upMs;
    for (const failure of life.failures) failure.forgivable ||= life.progressed;
    life.failures = life.failures.filter(
      ({ at, forgivable }) => !forgivable || life.uptime - at <= intensity.periodMs,
    );
    life.failures.push({ at: life.uptime, forgivable: false });
    life.progressed = false;
    const count = life.failures.length;
    if (count > intensity.maxRestarts) {
      this.lives.delete(id);
      this.givenUp.push(id);
    } else if (count > 1)
      life.due = this.now + Math.min(backOff.firstMs * 2 ** (count - 2), backOff.longestMs);
    else if (!this.#attempt(id, life)) this.#follow(id, life, 'crash', 0);
  }

  #attempt(id: string, life: Life): boolean {
    life.incarnation += 1;
    const failures = this.failing.get(id) ?? 0;
    this.failing.set(id, Math.max(failures - 1, 0));
    this.say(id, `${failures > 0 ? 'fail' : 'start'} ${id} ${life.incarnation}`);
    if (failures === 0) life.up = this.now;
    return failures === 0;
  }
}
