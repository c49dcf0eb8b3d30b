// Topics within one process: everybody who listens hears, and nobody can keep another from hearing.
import { expect, test } from 'vitest';
import { LocalPubSub } from '../../src/pubsub/local-pubsub.ts';
import { quiet } from '../support/outcome.ts';

function started() {
  const failures: unknown[] = [];
  const pubsub = new LocalPubSub<string>((name, data) => failures.push([name, data]));
  const heard: string[] = [];
  const hear =
    (by: string) =>
    (message: string): void => {
      heard.push(`${by}: ${message}`);
    };
  return { pubsub, failures, heard, hear };
}

test('a message reaches the listeners of its topic, in the order in which they came', () => {
  const { pubsub, heard, hear } = started();
  for (const by of ['1', '2']) pubsub.subscribe('a', hear(by));
  pubsub.subscribe('b', hear('3'));
  pubsub.publish('a', 'hello');
  pubsub.publish('nobody', 'hello');
  expect(heard).toEqual(['1: hello', '2: hello']);
});

test('topics may have the names of what objects have', () => {
  const { pubsub, heard, hear } = started();
  for (const topic of ['constructor', '__proto__', 'toString']) {
    expect(pubsub.listenerCount(topic)).toBe(0);
    pubsub.publish(topic, 'nobody');
    pubsub.subscribe(topic, hear(topic));
    pubsub.publish(topic, 'x');
  }
  expect(heard).toEqual(['constructor: x', '__proto__: x', 'toString: x']);
});

test('a listener that throws, now or later, is reported and keeps the message from nobody', async () => {
  const { pubsub, heard, hear, failures } = started();
  pubsub.subscribe('a', () => {
    throw new Error('now');
  });
  pubsub.subscribe('a', () => Promise.reject(new Error('later')));
  pubsub.subscribe('a', hear('last'));
  pubsub.publish('a', 'hello');
  await quiet(2);
  expect(heard).toEqual(['last: hello']);
  expect(failures).toEqual([
    ['subscriber.failed', { topic: 'a', problem: 'now' }],
    ['subscriber.failed', { topic: 'a', problem: 'later' }],
  ]);
});

test('who has unsubscribed hears nothing more, not even of the message that is just being published', () => {
  const { pubsub, heard, hear } = started();
  const stops: (() => void)[] = [];
  pubsub.subscribe('a', () => stops.forEach((stop) => void stop()));
  stops.push(pubsub.subscribe('a', hear('1')));
  pubsub.subscribe('a', hear('2'));
  pubsub.publish('a', 'hello');
  stops.forEach((stop) => void stop());
  pubsub.publish('a', 'again');
  expect(heard).toEqual(['2: hello', '2: again']);
  expect(pubsub.listenerCount('a')).toBe(2);
});

test('who subscribes while a message is published hears the next one', () => {
  const { pubsub, heard, hear } = started();
  pubsub.subscribe('a', (message) => {
    if (message === 'first') pubsub.subscribe('a', hear('new'));
  });
  pubsub.publish('a', 'first');
  pubsub.publish('a', 'second');
  expect(heard).toEqual(['new: second']);
});

test('all subscriptions of a topic, and all of all topics, can be ended at once', () => {
  const { pubsub, heard, hear } = started();
  for (const topic of ['a', 'b']) pubsub.subscribe(topic, hear(topic));
  pubsub.unsubscribeAll('a');
  for (const topic of ['a', 'b']) pubsub.publish(topic, 'x');
  pubsub.close();
  pubsub.publish('b', 'y');
  expect(heard).toEqual(['b: x']);
});

test('what looks like a promise is guarded too, and so is an error that cannot be read', async () => {
  const { pubsub, failures } = started();
  // biome-ignore lint/suspicious/noThenProperty: what another library's promise is
  const foreign = { then: (_: unknown, reject: (error: Error) => void) => reject(new Error('foreign')) };
  const unreadable = Object.defineProperty(new Error('hidden'), 'message', {
    get() {
      throw new Error('no message');
    },
  });
  pubsub.subscribe('a', () => foreign);
  pubsub.subscribe('a', () => {
    throw unreadable;
  });
  pubsub.publish('a', 'hello');
  await quiet(2);
  expect(failures).toEqual([
    ['subscriber.failed', { topic: 'a', problem: 'an object without a text' }],
    ['subscriber.failed', { topic: 'a', problem: 'foreign' }],
  ]);
});

test('a message that is published while another is heard is heard behind it, by all', () => {
  const { pubsub, heard, hear } = started();
  pubsub.subscribe('a', (message) => {
    if (message === 'first') pubsub.publish('a', 'second');
  });
  pubsub.subscribe('a', hear('1'));
  pubsub.publish('a', 'first');
  expect(heard).toEqual(['1: first', '1: second']);
});

test('a listener that publishes whenever it hears is stopped and reported, and the others hear on', () => {
  const { pubsub, heard, hear, failures } = started();
  pubsub.subscribe('a', () => pubsub.publish('a', 'again'));
  pubsub.subscribe('a', hear('1'));
  pubsub.publish('a', 'first');
  expect(heard.length).toBe(1_024);
  expect(failures.length).toBe(1);
  pubsub.subscribe('b', hear('2'));
  pubsub.publish('b', 'next');
  expect(heard.at(-1)).toBe('2: next');
});

test('a topic goes with its last listener, and one that ends twice ends nobody else', () => {
  const { pubsub, heard, hear } = started();
  const stop = pubsub.subscribe('a', hear('1'));
  stop();
  pubsub.subscribe('a', hear('2'));
  stop();
  pubsub.publish('a', 'hello');
  expect(heard).toEqual(['2: hello']);
});
