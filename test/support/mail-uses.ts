// Every operation on mail in good use, for the test of the registry.
import type { OperationName } from '../../src/operations/registry.ts';
import type { TestSystem } from '../../src/testing/test-system.ts';
import { quiet } from './outcome.ts';

type Use = (test: TestSystem) => Promise<[answer: unknown, expected: object]>;

const letter = { sessionId: 's', to: 's', name: 'note', payload: [1] };

/** To itself, or to one that nobody knows. */
async function sent({ client }: TestSystem, to = 's'): Promise<void> {
  await client.mail.send({ ...letter, to });
  await quiet();
}

const dead = { sessionId: 's', messageId: 'id-1' };

export const mailUses: Record<Extract<OperationName, `mail.${string}`>, Use> = {
  'mail.send': async ({ client }) => [await client.mail.send(letter), { messageId: 'id-1', seq: 1 }],
  'mail.receive': async (test) => {
    const receiving = test.client.mail.receive({ sessionId: 's', name: 'note' });
    await sent(test);
    return [await receiving, { messageId: 'id-1', from: 's', to: 's', name: 'note', payload: [1] }];
  },
  'mail.inbox': async (test) => {
    await sent(test);
    return [
      await test.client.mail.inbox({ sessionId: 's' }),
      [{ messageId: 'id-1', from: 's', name: 'note' }],
    ];
  },
  'mail.deadLetters': async (test) => {
    await sent(test, 'nobody');
    const found = [{ messageId: 'id-1', to: 'nobody', code: 'SESSION_NOT_FOUND', attempts: 1, payload: [1] }];
    return [await test.client.mail.deadLetters({ sessionId: 's' }), found];
  },
  'mail.undelivered': async (test) => {
    await sent(test, 'nobody');
    return [await test.client.mail.undelivered(), [{ sessionId: 's', dead: 1 }]];
  },
  'mail.retry': async (test) => {
    await sent(test, 'nobody');
    return [await test.client.mail.retry(dead), { seq: 3, durability: 'fsync' }];
  },
  'mail.discard': async (test) => {
    await sent(test, 'nobody');
    return [await test.client.mail.discard(dead), { seq: 3, durability: 'fsync' }];
  },
};
