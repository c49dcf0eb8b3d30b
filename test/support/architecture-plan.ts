// The plan of the house: which room may import which, and in which room an outside package is opened.

/** Who may be imported, or loaded: `may` in full, `types` as types alone. */
export interface Permission {
  readonly may: readonly string[];
  readonly types?: readonly string[];
}

/** A folder under `src`, or one of the two files that stand in it, and the rooms that it may import. */
export const roomPlan: Readonly<Record<string, Permission>> = {
  base: { may: [] },
  domain: { may: ['base'] },
  actor: { may: ['base'] },
  journal: { may: ['base'] },
  pubsub: { may: ['base'] },
  operations: { may: ['base', 'domain'] },
  entity: { may: ['base', 'domain', 'actor', 'journal', 'pubsub'] },
  recovery: { may: ['base', 'domain', 'actor', 'journal', 'entity', 'operations'] },
  session: {
    may: ['base', 'domain', 'actor', 'journal', 'pubsub', 'entity', 'recovery', 'operations'],
  },
  collaboration: {
    may: ['base', 'domain', 'actor', 'journal', 'pubsub', 'entity', 'recovery', 'operations'],
  },
  projection: { may: ['base', 'domain', 'journal', 'pubsub', 'operations'] },
  observe: { may: ['base', 'actor', 'pubsub', 'projection', 'operations'] },
  jobs: { may: ['base', 'domain', 'journal', 'entity', 'operations'] },
  client: { may: ['base', 'domain', 'operations'] },
  gateway: { may: ['base', 'operations', 'client'] },
  mcp: { may: ['base', 'operations', 'client'] },
  dashboard: { may: ['base', 'operations', 'client'] },
  cli: { may: ['base', 'operations', 'client', 'system', 'journal'] },
  cluster: { may: ['base', 'domain', 'actor', 'journal', 'pubsub'] },
  adapters: { may: ['base', 'client'] },
  testing: {
    may: ['base', 'domain', 'actor', 'journal', 'pubsub', 'entity', 'session', 'client', 'system'],
  },
  system: {
    may: [
      ...['base', 'domain', 'actor', 'journal', 'pubsub', 'operations', 'entity', 'recovery', 'session'],
      ...['collaboration', 'projection', 'observe', 'jobs', 'client'],
    ],
  },
  index: { may: ['base', 'domain', 'client', 'system'], types: ['operations', 'journal', 'pubsub'] },
};

/** The rooms that open a package. A key that ends in `/` stands for every package of that scope. */
export const packagePlan: Readonly<Record<string, Permission>> = {
  nanoid: { may: ['base'] },
  zod: { may: ['base', 'operations'] },
  xstate: { may: ['domain', 'actor', 'testing'], types: ['session', 'system'] },
  eventemitter3: { may: ['pubsub'] },
  '@xstate/store': { may: ['projection'] },
  level: { may: ['journal'] },
  'abstract-level': { may: ['journal'], types: ['testing'] },
  'memory-level': { may: ['testing'] },
  '@nats-io/': { may: ['cluster'] },
  nats: { may: ['cluster'] },
};

/** Every room may open Node's builtins, but for the law. */
export const roomsWithoutNode: readonly string[] = ['domain'];

/** The only files that gather names for others, and hold nothing but re-exports. */
export const entryBarrels: readonly string[] = [
  'src/index.ts',
  'src/client/index.ts',
  'src/testing/index.ts',
];

export const longestFile = 400;
