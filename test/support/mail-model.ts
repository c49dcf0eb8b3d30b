// The mail of one session, the naive way: plain lists of what is there, beside random lives that law and model lead together.
import { equal } from 'node:assert/strict';
import fc from 'fast-check';
import { type MailCommand, type MailState, mailLaw, mailStream } from '../../src/domain/tree/mail-law.ts';
import { LawLife } from './law-life.ts';

export type MailStep =
  | {
      readonly do: 'send' | 'deliver';
      readonly name: string;
      readonly other: string;
      readonly isBig: boolean;
    }
  | { readonly do: 'take'; readonly name?: string | undefined; readonly from?: string | undefined }
  /** One of those that were sent, or come back before. */
  | { readonly do: 'bounce' | 'retry' | 'discard'; readonly nth: number }
  | { readonly do: 'fill'; readonly what: 'inbox' | 'dead' };

const name = fc.constantFrom('plan', 'result');
const other = fc.constantFrom('a', 'b');

export const mailSteps: fc.Arbitrary<readonly MailStep[]> = fc.array(
  fc.oneof(
    {
      weight: 5,
      arbitrary: fc.record({
        ...{ do: fc.constantFrom('send' as const, 'deliver' as const), name, other },
        isBig: fc.integer({ min: 1, max: 40 }).map((n) => n === 40),
      }),
    },
    {
      weight: 4,
      arbitrary: fc
        .record({ do: fc.constant('take' as const), name: fc.option(name), from: fc.option(other) })
        .map(({ name: named, from, ...step }) => ({
          ...step,
          name: named ?? undefined,
          from: from ?? undefined,
        })),
    },
    {
      weight: 5,
      arbitrary: fc.record({
        ...{
          do: fc.constantFrom('bounce' as const, 'bounce' as const, 'retry' as const, 'discard' as const),
        },
        nth: fc.nat(5),
      }),
    },
    fc
      .tuple(fc.integer({ min: 1, max: 300 }), fc.constantFrom('inbox' as const, 'dead' as const))
      .map(([n, what]): MailStep => (n === 300 ? { do: 'fill', what } : { do: 'discard', nth: n % 6 })),
  ),
  { minLength: 8, maxLength: 40, size: 'max' },
);

interface ModelLetter {
  readonly id: string;
  readonly name: string;
  readonly other: string;
  readonly bytes: number;
}

/** Three of them are more than an inbox holds. */
const big = 'x'.repeat(1_500_000);
const most = 1_000;
const mostBytes = 4 * 1024 * 1024;

/** One of them, or none. */
const place = (nth: number, { length }: readonly unknown[]): number =>
  nth === -1 ? length - 1 : nth === 5 ? -1 : nth % Math.max(length, 1);

class MailModel {
  inbox: ModelLetter[] = [];
  dead: ModelLetter[] = [];
  readonly sent: ModelLetter[] = [];
  received = 0;
  count = 0;

  /** The letter that is to be taken, the new one, or the code of the refusal. */
  run(step: Exclude<MailStep, { do: 'fill' }>): ModelLetter | string {
    switch (step.do) {
      case 'send':
      case 'deliver':
        return this.#arrive(step);
      case 'take': {
        const { name: named = '', from = '' } = step;
        const fits = (one: ModelLetter): boolean =>
          (named === '' || one.name === named) && (from === '' || one.other === from);
        const taken = this.inbox.find(fits);
        this.inbox = this.inbox.filter((one) => one !== taken);
        return taken ?? 'LETTER_NOT_FOUND';
      }
      case 'bounce': {
        const letter = this.sent[place(step.nth, this.sent)];
        if (letter === undefined) return 'never sent';
        this.dead = [...this.dead.filter(({ id }) => id !== letter.id), letter];
        return letter;
      }
      default: {
        const letter = this.dead[place(step.nth, this.dead)];
        this.dead = this.dead.filter((one) => one !== letter);
        return letter ?? 'LETTER_NOT_FOUND';
      }
    }
  }

  #arrive(step: Extract<MailStep, { do: 'send' | 'deliver' }>): ModelLetter | string {
    const bytes = step.isBig ? big.length + 2 : 3;
    const letter = { id: `m${this.count++}`, name: step.name, other: step.other, bytes };
    const held = this.inbox.reduce((sum, one) => sum + one.bytes, 0);
    const isFull =
      step.do === 'send' ? this.dead.length >= most : this.inbox.length >= most || held + bytes > mostBytes;
    if (isFull) return 'AT_CAPACITY';
    if (step.do === 'send') this.sent.push(letter);
    else {
      this.inbox.push(letter);
      this.received += 1;
    }
    return letter;
  }

  shown(): string {
    const held = this.inbox.reduce((sum, one) => sum + one.bytes, 0);
    const list = (letters: readonly ModelLetter[]): string =>
      letters.map((one) => `${one.id}:${one.name}:${one.other}`).join();
    return `${list(this.inbox)} (${held}) | ${list(this.dead)} | ${this.sent.length} ${this.received}`;
  }
}

function shown({ inbox, inboxBytes, dead, sent, received }: MailState): string {
  const list = (letters: MailState['inbox']): string =>
    letters.map((one) => `${one.messageId}:${one.name}:${one.other}`).join();
  return `${list(inbox)} (${inboxBytes}) | ${list(dead)} | ${sent} ${received}`;
}

/** Throws where they come to different things. */
export function liveMail(steps: readonly MailStep[]): LawLife<MailState, MailCommand> {
  const life = new LawLife(mailLaw, mailStream('s'));
  const model = new MailModel();
  for (const [at, step] of steps.entries()) {
    if (step.do === 'fill') for (let n = 0; n < most - 1; n++) fillOne(life, model, step.what, at);
    else lead(life, model, step, at);
    equal(shown(life.state), model.shown());
    // What is there can still be read, and nothing else is held for it.
    const held = mailLaw.refersTo?.(life.state) ?? [];
    equal(held.length, model.inbox.length + model.dead.length);
  }
  life.assertReplays();
  return life;
}

function fillOne(
  life: LawLife<MailState, MailCommand>,
  model: MailModel,
  what: 'inbox' | 'dead',
  at: number,
): void {
  const letter = { name: 'plan', other: 'a', isBig: false };
  if (what === 'inbox') lead(life, model, { do: 'deliver', ...letter }, at);
  if (what === 'inbox' || model.dead.length >= most) return;
  lead(life, model, { do: 'send', ...letter }, at);
  lead(life, model, { do: 'bounce', nth: -1 }, at);
}

function lead(
  life: LawLife<MailState, MailCommand>,
  model: MailModel,
  step: Exclude<MailStep, { do: 'fill' }>,
  at: number,
): void {
  const dead =
    step.do === 'retry' || step.do === 'discard' ? model.dead[place(step.nth, model.dead)] : undefined;
  const id = `m${model.count}`;
  const expected = model.run(step);
  if (expected === 'never sent') return;
  const letter = typeof expected === 'string' ? dead : expected;
  const answer = life.send(commandOf(step, letter, id), at);
  if (typeof expected === 'string') {
    equal(answer, expected);
    return;
  }
  equal(typeof answer, 'object', `${step.do} was refused with ${String(answer)}`);
  if (step.do === 'take') equal((answer as { letter: { messageId: string } }).letter.messageId, expected.id);
}

function commandOf(
  step: Exclude<MailStep, { do: 'fill' }>,
  letter: ModelLetter | undefined,
  id: string,
): MailCommand {
  switch (step.do) {
    case 'send':
    case 'deliver': {
      const data = { messageId: id, name: step.name, payload: step.isBig ? big : 'x' };
      return step.do === 'send'
        ? { type: 'mail.send', ...data, to: step.other }
        : { type: 'mail.deliver', ...data, from: step.other, sentAt: 0 };
    }
    case 'take':
      return { type: 'mail.take', name: step.name, from: step.from };
    case 'bounce': {
      const { id: messageId = '', name: named = '', other: to = '', bytes = 0 } = letter ?? {};
      const facts = { seq: 1, bytes, code: 'SESSION_NOT_FOUND', attempts: 1 };
      return { type: 'mail.bounce', messageId, name: named, other: to, ...facts };
    }
    default:
      return { type: `mail.${step.do}`, messageId: letter?.id ?? 'none' };
  }
}
