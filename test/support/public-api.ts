// The public names, as promised: a name is added here when it is meant to be public, and taken away only by a breaking release.
// Types stand as `type Name`. Names are in the order of their characters.

export interface EntryPoint {
  readonly source: string;
  readonly names: readonly string[];
}

/** The entry points, under the names that `exports` of package.json gives them. */
export const publicApi: Readonly<Record<string, EntryPoint>> = {
  '.': {
    source: 'src/index.ts',
    names: [],
  },
  './client': {
    source: 'src/client/index.ts',
    names: [],
  },
  './testing': {
    source: 'src/testing/index.ts',
    names: [],
  },
};
