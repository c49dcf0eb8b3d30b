// Tasks that wait for an agent, most urgent first: a heap with an index, so that each is in it once.
import { byUrgency, type Task } from '../../domain/task/task.ts';

type Ready = Pick<Task, 'taskId' | 'priority' | 'seq'>;

export class ReadyTasks {
  #heap: Ready[] = [];
  /** The entry that counts of each; one in the heap that differs is stale. */
  readonly #current = new Map<string, Ready>();

  get size(): number {
    return this.#current.size;
  }

  add({ taskId, priority, seq }: Ready): void {
    const known = this.#current.get(taskId);
    if (known !== undefined && known.priority === priority && known.seq === seq) return;
    const ready: Ready = { taskId, priority, seq };
    this.#current.set(taskId, ready);
    push(this.#heap, ready);
  }

  delete(taskId: string): void {
    if (this.#current.delete(taskId) && this.#current.size === 0) this.#heap = [];
  }

  /** The most urgent, which is in it no more. */
  take(): string | undefined {
    for (let first = pop(this.#heap); first !== undefined; first = pop(this.#heap)) {
      if (this.#current.get(first.taskId) !== first) continue;
      this.#current.delete(first.taskId);
      return first.taskId;
    }
    return undefined;
  }
}

function push(heap: Ready[], ready: Ready): void {
  let index = heap.push(ready) - 1;
  while (index > 0) {
    const parent = (index - 1) >> 1;
    if (!swapped(heap, parent, index)) return;
    index = parent;
  }
}

function pop(heap: Ready[]): Ready | undefined {
  const [first] = heap;
  const last = heap.pop();
  if (last === undefined || heap.length === 0) return first;
  heap[0] = last;
  for (let index = 0; ; ) {
    const left = 2 * index + 1;
    const [l, r] = [heap[left], heap[left + 1]];
    const least = l !== undefined && r !== undefined && byUrgency(r, l) < 0 ? left + 1 : left;
    if (least >= heap.length || !swapped(heap, index, least)) return first;
    index = least;
  }
}

/** Puts the one below above, when it is more urgent. */
function swapped(heap: Ready[], above: number, below: number): boolean {
  const [a, b] = [heap[above], heap[below]];
  if (a === undefined || b === undefined || byUrgency(b, a) >= 0) return false;
  heap[above] = b;
  heap[below] = a;
  return true;
}
