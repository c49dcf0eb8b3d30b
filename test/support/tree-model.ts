// One session's place in its tree, the naive way: a ledger of all that was spent, and plain records of who stands below, beside random
// lives that law and model lead together.
import { equal } from 'node:assert/strict';
import fc from 'fast-check';
import { type TreeCommand, treeLaw, treeStream } from '../../src/domain/tree/tree-law.ts';
import {
  listChildren,
  spentInAll,
  type TreeBudget,
  type TreeState,
  treeLinks,
} from '../../src/domain/tree/tree-state.ts';
import { LawLife } from './law-life.ts';

export type TreeStep =
  | { readonly do: 'open'; readonly parent: string | null; readonly budget: TreeBudget | null }
  | { readonly do: 'adopt' | 'leave'; readonly child: string; readonly moved?: true | undefined }
  /** `more`: what it has spent before it stood here. */
  | { readonly do: 'endChild'; readonly child: string; readonly more: number }
  | { readonly do: 'charge'; readonly from: string; readonly tokens: number; readonly cost: number }
  /** It has spent something, and that is on its way; and what was longest on its way arrives. */
  | { readonly do: 'spend'; readonly child: string; readonly tokens: number }
  | { readonly do: 'relay'; readonly child: string }
  | { readonly do: 'setBudget'; readonly budget: TreeBudget | null }
  | { readonly do: 'move'; readonly parent: string | null }
  | { readonly do: 'return' | 'cancel' | 'end' | 'reopen' }
  /** More children end than are remembered one by one. */
  | { readonly do: 'crowd' };

const child = fc.constantFrom('a', 'b', 'c');
const parent = fc.constantFrom('p', 'q', null);
const budget: fc.Arbitrary<TreeBudget | null> = fc.option(
  fc.record({ tokens: fc.constantFrom(3, 30), cost: fc.constantFrom(2, 50) }, { requiredKeys: [] }),
  { freq: 5 },
);

export const treeSteps: fc.Arbitrary<readonly TreeStep[]> = fc.array(
  fc.oneof(
    { weight: 2, arbitrary: fc.record({ do: fc.constant('open' as const), parent, budget }) },
    {
      weight: 6,
      arbitrary: fc.record({
        do: fc.constantFrom('adopt' as const, 'adopt' as const, 'leave' as const),
        ...{ child, moved: fc.constantFrom(undefined, undefined, true as const) },
      }),
    },
    { weight: 3, arbitrary: fc.record({ do: fc.constant('endChild' as const), child, more: fc.nat(9) }) },
    { weight: 6, arbitrary: fc.record({ do: fc.constant('spend' as const), child, tokens: fc.nat(9) }) },
    { weight: 6, arbitrary: fc.record({ do: fc.constant('relay' as const), child }) },
    {
      weight: 3,
      arbitrary: fc.record({
        ...{ do: fc.constant('charge' as const), from: fc.constantFrom('s', 's', 'nobody') },
        ...{ tokens: fc.nat(9), cost: fc.nat(4) },
      }),
    },
    { weight: 2, arbitrary: fc.record({ do: fc.constant('setBudget' as const), budget }) },
    { weight: 1, arbitrary: fc.record({ do: fc.constant('move' as const), parent }) },
    {
      weight: 3,
      arbitrary: fc.constantFrom<TreeStep>(
        { do: 'return' },
        { do: 'cancel' },
        { do: 'end' },
        { do: 'reopen' },
      ),
    },
    fc
      .integer({ min: 1, max: 400 })
      .map((n): TreeStep => (n === 400 ? { do: 'crowd' } : { do: 'adopt', child: 'a' })),
  ),
  { minLength: 8, maxLength: 40, size: 'max' },
);

interface ModelChild {
  readonly id: string;
  readonly moved: boolean;
  tokens: number;
  end: string | null;
}

/** What a child has spent and nobody above has heard of. */
interface OnItsWay {
  /** In its own tree. */
  readonly seq: number;
  readonly tokens: number;
  isCounted: boolean;
}

/** More than are remembered. */
const crowd = 1_003;
const kept = 1_000;

class TreeModel {
  isOpen = false;
  parent: string | null = null;
  budget: TreeBudget | null = null;
  isExhausted = false;
  exhaustions = 0;
  /** In the order in which they were opened. */
  children: ModelChild[] = [];
  /** In the order in which they ended. */
  ended: ModelChild[] = [];
  /** Everything that was ever spent here or below. */
  tokens = 0;
  cost = 0;
  hasReturned = false;
  isCancelled = false;
  isOver = false;
  seq = 0;
  readonly #ways = new Map<string, OnItsWay[]>();

  onItsWay(child: string): OnItsWay[] {
    const known = this.#ways.get(child) ?? [];
    this.#ways.set(child, known);
    return known;
  }

  run(step: Exclude<TreeStep, { do: 'crowd' }>): void {
    switch (step.do) {
      case 'open':
        if (!this.isOpen) Object.assign(this, { isOpen: true, parent: step.parent, budget: step.budget });
        return;
      case 'adopt':
        if (this.#find(step.child) !== undefined) return;
        this.isOpen = true;
        this.children.push({ id: step.child, moved: step.moved === true, tokens: 0, end: null });
        return;
      case 'leave':
        this.#end(step.child, 'left');
        return;
      case 'endChild':
        this.#endWithUsage(step.child, step.more);
        return;
      case 'spend':
        this.seq += 1;
        this.onItsWay(step.child).push({ seq: this.seq, tokens: step.tokens, isCounted: false });
        return;
      case 'relay': {
        const { tokens = 0, isCounted = true } = this.onItsWay(step.child).shift() ?? {};
        if (!isCounted && this.isOpen && this.#find(step.child) !== undefined)
          this.#spend(step.child, tokens, 0);
        return;
      }
      case 'charge':
        if (this.isOpen && (step.from === 's' || this.#find(step.from) !== undefined))
          this.#spend(step.from, step.tokens, step.cost);
        return;
      case 'setBudget':
        Object.assign(this, { isOpen: true, budget: step.budget, isExhausted: false });
        return;
      case 'move':
        if (this.parent !== step.parent) Object.assign(this, { isOpen: true, parent: step.parent });
        return;
      case 'return':
        if (!this.isOver) Object.assign(this, { isOpen: true, hasReturned: true });
        return;
      case 'cancel':
        if (!this.isOver) Object.assign(this, { isOpen: true, isCancelled: true });
        return;
      case 'end':
        this.isOver = true;
        return;
      case 'reopen':
        if (this.isOver) Object.assign(this, { isOver: false, isCancelled: false, hasReturned: false });
    }
  }

  #find(id: string): ModelChild | undefined {
    return this.children.find((one) => one.id === id);
  }

  /** All that it has spent is told with its end, and what arrives later is not counted again; unless some is counted elsewhere. */
  #endWithUsage(id: string, more: number): void {
    const found = this.#find(id);
    if (found?.end !== null) return;
    if (!found.moved) {
      const late = this.onItsWay(id).filter(({ isCounted }) => !isCounted);
      this.#spend(
        id,
        late.reduce((sum, { tokens }) => sum + tokens, more),
        0,
      );
      for (const one of late) one.isCounted = true;
    }
    this.#end(id, 'over');
  }

  #end(id: string, why: string): void {
    const found = this.#find(id);
    if (found?.end !== null) return;
    found.end = why;
    this.ended.push(found);
    if (this.ended.length <= kept) return;
    const oldest = this.ended.shift();
    this.children = this.children.filter((one) => one !== oldest);
    // A thousand have ended since, and each told so behind what it had spent: nothing of it is on its way any more.
    this.#ways.delete(oldest?.id ?? '');
  }

  #spend(from: string, tokens: number, cost: number): void {
    this.tokens += tokens;
    this.cost += cost;
    const found = this.#find(from);
    if (found !== undefined) found.tokens += tokens;
    const { tokens: mostTokens = Number.POSITIVE_INFINITY, cost: mostCost = Number.POSITIVE_INFINITY } =
      this.budget ?? {};
    if (this.isExhausted || (this.tokens < mostTokens && this.cost < mostCost)) return;
    this.isExhausted = true;
    this.exhaustions += 1;
  }

  shown(): string {
    const {
      isOpen,
      parent: above,
      isExhausted,
      exhaustions,
      tokens,
      cost,
      hasReturned,
      isCancelled,
      isOver,
    } = this;
    const children = this.children.map(({ id, tokens: spent, end }) => `${id}:${spent}:${end}`).join();
    return JSON.stringify({
      ...{ isOpen, parent: above, isExhausted, exhaustions, tokens, cost, hasReturned, isCancelled, isOver },
      children,
    });
  }
}

function shown(state: TreeState, exhaustions: number): string {
  const { rootSessionId, parent: above, isExhausted, returnedSeq, cancelled, end } = state;
  const { tokens, cost } = spentInAll(state);
  const children = listChildren(state)
    .map((one) => `${one.sessionId}:${one.usage.tokens}:${one.end?.reason ?? null}`)
    .join();
  return JSON.stringify({
    ...{ isOpen: rootSessionId !== null, parent: above, isExhausted, exhaustions, tokens, cost },
    ...{ hasReturned: returnedSeq !== null, isCancelled: cancelled !== null, isOver: end !== null, children },
  });
}

/** Throws where they come to different things. */
export function liveTree(steps: readonly TreeStep[]): LawLife<TreeState, TreeCommand> {
  const life = new LawLife(treeLaw, treeStream('s'));
  const model = new TreeModel();
  for (const [at, step] of steps.entries()) {
    if (step.do === 'crowd') {
      for (let n = 0; n < crowd; n++) {
        lead(life, model, { do: 'adopt', child: `x${at}-${n}` }, at);
        lead(life, model, { do: 'endChild', child: `x${at}-${n}`, more: 1 }, at);
      }
    } else {
      lead(life, model, step, at);
      // What is asked for again is done already, but for what is counted.
      const before = life.events.length;
      if (step.do !== 'charge' && step.do !== 'setBudget' && step.do !== 'spend' && step.do !== 'relay') {
        life.send(commandOf(life.state, step, model), at);
        equal(life.events.length, before, `${step.do} was done twice`);
      }
    }
    const exhaustions = life.events.filter(({ type }) => type === 'tree.exhausted').length;
    equal(shown(life.state, exhaustions), model.shown());
  }
  life.assertReplays();
  return life;
}

function lead(
  life: LawLife<TreeState, TreeCommand>,
  model: TreeModel,
  step: Exclude<TreeStep, { do: 'crowd' }>,
  at: number,
): void {
  const isHeard = step.do !== 'spend' && (step.do !== 'relay' || model.onItsWay(step.child).length > 0);
  const answer = isHeard ? life.send(commandOf(life.state, step, model), at) : {};
  equal(typeof answer, 'object', `${step.do} was refused with ${String(answer)}`);
  model.run(step);
}

function commandOf(
  state: TreeState,
  step: Exclude<TreeStep, { do: 'crowd' | 'spend' }>,
  model: TreeModel,
): TreeCommand {
  switch (step.do) {
    case 'open':
      return {
        ...{ type: 'tree.open', rootSessionId: step.parent ?? 's', parent: step.parent, link: 'terminate' },
        budget: step.budget,
      };
    case 'adopt':
      return {
        ...{ type: 'tree.adopt', child: step.child, link: treeLinks[0], rootSessionId: 's' },
        ...(step.moved && { moved: step.moved }),
      };
    case 'leave':
      return { type: 'tree.leave', child: step.child, to: 'q' };
    case 'endChild': {
      const { tokens = 0, cost = 0 } = state.children.get(step.child)?.usage ?? {};
      const late = model.onItsWay(step.child).filter(({ isCounted }) => !isCounted);
      const all = late.reduce((sum, one) => sum + one.tokens, tokens + step.more);
      const end = { child: step.child, reason: 'over', result: null, usage: { tokens: all, cost } };
      return { type: 'tree.endChild', ...end, through: model.seq };
    }
    case 'charge':
      return { type: 'tree.charge', from: step.from, tokens: step.tokens, cost: step.cost };
    case 'relay': {
      const { seq = 0, tokens = 0 } = model.onItsWay(step.child)[0] ?? {};
      return { type: 'tree.charge', from: step.child, seq, tokens, cost: 0 };
    }
    case 'setBudget':
      return { type: 'tree.setBudget', budget: step.budget };
    case 'move':
      return { type: 'tree.move', parent: step.parent };
    case 'return':
      return { type: 'tree.return', result: 1 };
    case 'reopen':
      return { type: 'tree.reopen' };
    default:
      return { type: `tree.${step.do}`, reason: 'r' };
  }
}
