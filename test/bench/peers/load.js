// Resolves from here, where test/bench/node_modules is: the compiled bench runs from .build, which sees the package's own only.
export const load = (name) => import(name);
