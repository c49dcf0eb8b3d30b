// The supervision tree as plain data, for whoever looks at it: a copy, never a handle.

export type SupervisionStatus = 'starting' | 'running' | 'restarting' | 'stopping' | 'stopped';

export type Strategy = 'one_for_one' | 'one_for_all' | 'rest_for_one';

export interface SupervisionNode {
  readonly id: string;
  readonly kind: 'supervisor' | 'worker';
  readonly status: SupervisionStatus;
  /** 0 before the first start. */
  readonly incarnation: number;
  /** How often its supervisor has started it again, the starts that failed too. */
  readonly restarts: number;
  readonly strategy?: Strategy;
  /** What a worker says of itself: plain data, no payloads. */
  readonly details?: Readonly<Record<string, unknown>>;
  readonly children?: readonly SupervisionNode[];
}

/** What only the supervisor of a child knows of it. */
export type Standing = Pick<SupervisionNode, 'id' | 'status' | 'incarnation' | 'restarts'>;

/** A child as its supervisor sees it, with what it says of itself below. A child that cannot say anything is a worker. */
export function nodeOf(standing: Standing, child: { tree?(): SupervisionNode } | undefined): SupervisionNode {
  return { kind: 'worker', ...ownWords(child), ...standing };
}

function ownWords(child: { tree?(): SupervisionNode } | undefined): SupervisionNode | undefined {
  try {
    return child?.tree?.();
  } catch {
    // a child that fails to describe itself spoils the view of nobody else
    return undefined;
  }
}
