// Operations as methods: `sessions.create` becomes `sessions.create(input, options)`, made from the registry and never by hand.
import type { CallOptions } from './operation.ts';
import { type InputOf, type OperationName, type OutputOf, operations } from './registry.ts';

/** The method of an operation whose caller gives `Input`; an input that may be empty may be left out. */
type Method<Input, Output> =
  Record<string, never> extends Input
    ? (input?: Input, options?: CallOptions) => Promise<Output>
    : (input: Input, options?: CallOptions) => Promise<Output>;

type SpaceOf<Name extends string> = Name extends `${infer Space}.${string}` ? Space : never;
type VerbOf<Name extends string, Space extends string> = Name extends `${Space}.${infer Verb}` ? Verb : never;

/** The methods of one namespace, without the members of the input that somebody else fills in. */
export type Verbs<Names extends OperationName, Space extends string, Filled extends string = never> = {
  readonly [Verb in VerbOf<Names, Space>]: `${Space}.${Verb}` extends OperationName
    ? Method<Omit<InputOf<`${Space}.${Verb}`>, Filled>, OutputOf<`${Space}.${Verb}`>>
    : never;
};

/** All methods of the operations named, by namespace. */
export type Namespaces<Names extends OperationName, Filled extends string = never> = {
  readonly [Space in SpaceOf<Names>]: Verbs<Names, Space, Filled>;
};

type AnyMethod = (input?: object, options?: CallOptions) => Promise<unknown>;

type Caller = (name: OperationName, input: object | undefined, options?: CallOptions) => Promise<unknown>;

/** The operations of a namespace, by the verb. */
type VerbNames = ReadonlyMap<string, OperationName>;

/** The operations that `choose` takes, by namespace. */
export function namesBySpace(
  choose: (name: OperationName) => boolean = () => true,
): ReadonlyMap<string, VerbNames> {
  const spaces = new Map<string, Map<string, OperationName>>();
  for (const name of (Object.keys(operations) as OperationName[]).filter(choose)) {
    const [space = '', verb = ''] = name.split('.');
    const verbs = spaces.get(space) ?? new Map<string, OperationName>();
    spaces.set(space, verbs.set(verb, name));
  }
  return spaces;
}

export const methodOf =
  (call: Caller, name: OperationName): AnyMethod =>
  (input, options) =>
    call(name, input, options);

/** A method for each operation of a namespace. */
export function methodsOf(call: Caller, verbs: VerbNames): Readonly<Record<string, AnyMethod>> {
  return Object.fromEntries([...verbs].map(([verb, name]) => [verb, methodOf(call, name)]));
}

/** One object per namespace, with a method for each operation. */
export function namespaces(call: Caller): Record<string, Readonly<Record<string, AnyMethod>>> {
  return Object.fromEntries([...namesBySpace()].map(([space, verbs]) => [space, methodsOf(call, verbs)]));
}
