// What a published suite needs of a test runner: a few names, so that it imports none. Vitest and Jest have them.

interface Expectation {
  readonly not: Expectation;
  readonly rejects: AsyncExpectation;
  toBe(expected: unknown): void;
  toEqual(expected: unknown): void;
  toMatchObject(expected: object): void;
  toContain(expected: unknown): void;
  toBeDefined(): void;
  toBeUndefined(): void;
  toBeGreaterThan(expected: number): void;
  toBeLessThanOrEqual(expected: number): void;
}

interface AsyncExpectation {
  toMatchObject(expected: object): Promise<void>;
  toThrow(expected: new (message?: string) => Error): Promise<void>;
}

export interface SuiteRunner {
  readonly describe: (name: string, body: () => void) => void;
  readonly test: (name: string, body: () => Promise<void>) => void;
  readonly expect: (value: unknown) => Expectation;
}
