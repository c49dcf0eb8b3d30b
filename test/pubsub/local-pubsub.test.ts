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
