// The package to which a module belongs: `@nats-io/kv/internal` is of `@nats-io/kv`, `zod/v4` of `zod`.

export function packageNameOf(specifier: string): string {
  return specifier
    .split('/')
    .slice(0, specifier.startsWith('@') ? 2 : 1)
    .join('/');
}
