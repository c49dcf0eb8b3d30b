// Code of agents is run under its owner's name: so that errors that nobody catches come home, and what blocks the event loop is
// named. Both are opt-in, and cost nothing where they are off.
import type { AsyncHook } from 'node:async_hooks';
import { captureStrayErrors, type StrayErrors } from '../../actor/stray-errors.ts';
import type { Watchdog } from '../../actor/watchdog/watchdog.ts';
import type { SystemConfig } from '../../base/config.ts';
import type { Telemetry } from '../../base/telemetry.ts';
import type { StrayOwner } from './agent-host.ts';

const defaults = { stallMs: 250, exitAfterMs: null };

export class OwnedCode {
  readonly run: <T>(owner: StrayOwner, code: () => T) => T;
  /** An answer is about to be handed to an agent; undefined where nobody watches. */
  readonly goesOn: ((owner: StrayOwner) => void) | undefined;
  readonly #telemetry: Telemetry;
  readonly #strays: StrayErrors<StrayOwner> | undefined;
  readonly #watchdog: Watchdog | undefined;
  readonly #names = new WeakMap<StrayOwner, { readonly [part: string]: string }>();
  readonly #hook: AsyncHook | undefined;

  /** The watchdog is loaded only where it is wanted. */
  static async start(config: SystemConfig, telemetry: Telemetry): Promise<OwnedCode> {
    if (config.watchdog === false) return new OwnedCode(config, telemetry, undefined);
    const { Watchdog } = await import('../../actor/watchdog/watchdog.ts');
    const numbers = config.watchdog === true ? defaults : config.watchdog;
    const report = (stall: Readonly<Record<string, unknown>>): void => telemetry('eventLoop.stalled', stall);
    return new OwnedCode(config, telemetry, new Watchdog({ ...numbers, report }));
  }

  private constructor(
    { captureStrayErrors: isCapturing }: SystemConfig,
    telemetry: Telemetry,
    watchdog: Watchdog | undefined,
  ) {
    this.#telemetry = telemetry;
    const strays = isCapturing ? captureStrayErrors(this.#stray) : undefined;
    this.#strays = strays;
    this.#watchdog = watchdog;
    const named = <T>(owner: StrayOwner, code: () => T): T =>
      watchdog === undefined ? code() : watchdog.run(this.#nameOf(owner), code);
    this.run = strays === undefined ? named : (owner, code) => strays.run(owner, () => named(owner, code));
    this.goesOn = watchdog && ((owner) => watchdog.goesOn(this.#nameOf(owner)));
    if (watchdog !== undefined && strays !== undefined) this.#hook = this.#followed(strays, watchdog);
  }

  async close(): Promise<void> {
    this.#hook?.disable();
    this.#strays?.close();
    await this.#watchdog?.close();
  }

  /** An error that nobody caught, from the code of an agent: it is that agent's crash. */
  readonly #stray = (owner: StrayOwner, error: Error): boolean => {
    const telemetry = this.#telemetry;
    telemetry('stray.captured', { problem: error.message });
    owner.crash(error);
    return true;
  };

  /** Where each timer and promise is traced to its owner, so is what blocks behind it. */
  #followed(strays: StrayErrors<StrayOwner>, watchdog: Watchdog): AsyncHook {
    const { createHook } = process.getBuiltinModule('node:async_hooks');
    const enter = (): void => {
      const owner = strays.owner();
      watchdog.enter(owner && this.#nameOf(owner));
    };
    return createHook({ before: enter, after: () => watchdog.enter(undefined) }).enable();
  }

  #nameOf(owner: StrayOwner): { readonly [part: string]: string } {
    const known = this.#names.get(owner);
    if (known !== undefined) return known;
    const { sessionId, agent, runId } = owner;
    const name = { sessionId, agent, runId };
    this.#names.set(owner, name);
    return name;
  }
}
