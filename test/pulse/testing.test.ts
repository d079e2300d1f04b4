import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import {
  binding,
  namedQueue,
  PulseError,
  type ConsumerEvent,
  type Pulse,
  type PulseMessage,
} from '../../src/pulse/index.ts';
import { connectToMemory, MemoryBroker } from '../../src/pulse/testing.ts';

const EXCHANGE = 'exchange/tester/things';
const QUEUE = namedQueue('things', { maxLength: 100 });
const NAME = 'queue/tester/things';

describe('tcw/pulse/testing', () => {
  let broker: MemoryBroker;
  let pulse: Pulse;
  let messages: PulseMessage[];
  let events: ConsumerEvent[];
  const bodies = () => messages.map(({ body }) => body);
  const types = () => events.map(({ type }) => type);

  beforeEach(async () => {
    broker = new MemoryBroker();
    pulse = connectToMemory(broker);
    messages = [];
    events = [];
    await pulse.declareExchange(EXCHANGE);
    pulse
      .consume({
        queue: QUEUE,
        bindings: [binding(EXCHANGE, '#')],
        onEvent: event => events.push(event),
      })
      .subscribe(message => messages.push(message));
    await expect.poll(types).toEqual(['consuming']);
  });
  afterEach(() => pulse.close(0));

  it('transmits the values at the time of the call, even if the caller changes its lists afterwards', async () => {
    const [some, none, bytes] = [['route.a'], [] as string[], Buffer.from('ab')];
    const connecting = connectToMemory(broker);
    const sent = [
      connecting.tryPublish(EXCHANGE, 'k', 1, { routes: some, headers: { bytes } }),
      connecting.tryPublish(EXCHANGE, 'k', 2, { routes: none }),
    ];
    for (const list of [some, none]) list.push('route.b');
    bytes.fill(0);
    expect(await Promise.all(sent)).toEqual([{ status: 'confirmed' }, { status: 'confirmed' }]);
    await expect.poll(() => messages.map(({ routes }) => routes)).toEqual([['route.a'], []]);
    expect(messages[0]?.headers.bytes).toEqual(Buffer.from('ab'));
    await connecting.close(0);
  });

  it('shows the messages of a queue, and how they were settled', async () => {
    await pulse.publish(EXCHANGE, 'k', 1);
    await expect.poll(bodies).toEqual([1]);
    expect(broker.queue(NAME).length).toBe(0);
    messages[0]?.requeue();
    await expect.poll(() => messages.length).toBe(2);
    broker.killConsumers(NAME);
    expect(broker.queue(NAME).consumers).toEqual([]);
    await expect.poll(types).toEqual(['consuming', 'interrupted', 'consuming']);
  });

  it('can become silent, and speak again', async () => {
    broker.freeze();
    const published = pulse.tryPublish(EXCHANGE, 'k', 'unheard');
    expect(await Promise.race([published, sleep(50, 'nothing')])).toBe('nothing');
    broker.thaw();
    expect(await published).toEqual({ status: 'confirmed' });
    await expect.poll(bodies).toEqual(['unheard']);
  });

  it('can be slow', async () => {
    broker.delay(50);
    const before = performance.now();
    await pulse.publish(EXCHANGE, 'k', 1);
    expect(performance.now() - before).toBeGreaterThanOrEqual(48);
    broker.delay(0);
  });

  it('can delete a queue, as PulseGuardian would', async () => {
    await pulse.publish(EXCHANGE, 'k', 'gone with its queue');
    broker.deleteQueue(NAME);
    await expect.poll(types).toEqual(['consuming', 'interrupted', 'consuming']);
    await pulse.publish(EXCHANGE, 'k', 'after');
    await expect.poll(bodies).toContain('after');
  });

  it('can refuse messages for a while', async () => {
    broker.blockPublishers('low on disk');
    expect(await pulse.tryPublish(EXCHANGE, 'k', 1, { deadlineMs: 50 })).toMatchObject({
      status: 'expired',
      error: { message: expect.stringContaining('low on disk') },
    });
    broker.unblockPublishers();
    expect(await pulse.tryPublish(EXCHANGE, 'k', 2)).toEqual({ status: 'confirmed' });
  });

  it('can refuse given calls a given number of times', async () => {
    broker.refuse('publish', new PulseError('forbidden', `access to exchange '${EXCHANGE}' refused`));
    const statuses = [await pulse.tryPublish(EXCHANGE, 'k', 1), await pulse.tryPublish(EXCHANGE, 'k', 2)].map(
      ({ status }) => status,
    );
    expect(statuses).toEqual(['refused', 'confirmed']);
    broker.refuse('declareQueue', new PulseError('connection', 'the node is starting'), 3);
    await broker.dropConnections();
    await expect.poll(() => types().filter(type => type === 'consuming').length).toBe(2);
    expect(types().filter(type => type === 'interrupted').length).toBeGreaterThanOrEqual(3);
  });
});
