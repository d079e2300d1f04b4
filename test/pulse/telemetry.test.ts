import { context, propagation, ROOT_CONTEXT, SpanKind, SpanStatusCode, trace } from '@opentelemetry/api';
import { randomUUID } from 'node:crypto';
import { Subject, type Observable } from 'rxjs';
import { afterEach, beforeEach, describe, expect, inject, it } from 'vitest';
import {
  binding,
  connect,
  ephemeralQueue,
  handle,
  namedQueue,
  reject,
  type HandleResult,
  type Pulse,
  type PulseMessage,
  type PulseOptions,
  type QueueSpec,
  type Watch,
} from '../../src/pulse/index.ts';
import { connectToMemory, MemoryBroker } from '../../src/pulse/testing.ts';
import { breaking } from './telemetry/breaking.ts';
import { recording } from './telemetry/recording.ts';

const EXCHANGE = 'exchange/tester/things';
const NAME = 'queue/tester/things';

interface Handled {
  readonly queue?: QueueSpec;
  readonly exchange?: string;
  readonly until$?: Observable<void>;
  readonly watch?: Partial<Watch>;
}

/** Handles everything of a queue, and resolves when it is consumed. */
async function handled(
  pulse: Pulse,
  handler: (message: PulseMessage) => unknown,
  { queue = namedQueue('things', { maxLength: 100 }), exchange = EXCHANGE, until$, watch }: Handled = {},
) {
  const results: HandleResult<PulseMessage>[] = [];
  const { promise, resolve } = Promise.withResolvers<undefined>();
  pulse
    .consume({
      queue,
      bindings: [binding(exchange, '#', body => (body === 'bad' ? ['bad'] : []))],
      until$,
      watch,
      onEvent: ({ type }) => {
        if (type === 'consuming') resolve(undefined);
      },
    })
    .pipe(handle(handler, { retry: false }))
    .subscribe(result => results.push(result));
  await promise;
  return results;
}

describe('telemetry', () => {
  let sdk: ReturnType<typeof recording>;
  let pulses: Pulse[];
  const memory = async (options: PulseOptions = {}) => {
    const pulse = connectToMemory(new MemoryBroker(), 'tester', options);
    pulses.push(pulse);
    await pulse.declareExchange(EXCHANGE);
    return pulse;
  };

  beforeEach(() => {
    pulses = [];
    sdk = recording();
  });
  afterEach(async () => {
    await Promise.all(pulses.map(pulse => pulse.close(0)));
    await sdk.stop();
  });

  it('contains one span for a published message and one for its handler, in one trace', async () => {
    const pulse = await memory();
    const active: (string | undefined)[] = [];
    const results = await handled(pulse, () => active.push(trace.getActiveSpan()?.spanContext().spanId));
    await pulse.publish(EXCHANGE, 'a.b', { secret: 'body' }, { messageId: 'm1' });
    await expect.poll(() => results.length).toBe(1);

    const sent = sdk.span(`send ${EXCHANGE}`);
    expect(sent?.kind).toBe(SpanKind.PRODUCER);
    expect(sent?.attributes).toEqual({
      'messaging.system': 'rabbitmq',
      'messaging.operation.type': 'send',
      'messaging.operation.name': 'send',
      'messaging.destination.name': EXCHANGE,
      'messaging.rabbitmq.destination.routing_key': 'a.b',
      'messaging.message.body.size': 17,
    });
    const processed = sdk.span(`process ${NAME}`);
    expect(processed?.kind).toBe(SpanKind.CONSUMER);
    expect(processed?.attributes).toEqual({
      'messaging.system': 'rabbitmq',
      'messaging.operation.type': 'process',
      'messaging.operation.name': 'process',
      'messaging.destination.name': NAME,
      'messaging.destination_publish.name': EXCHANGE,
      'messaging.rabbitmq.destination.routing_key': 'a.b',
      'messaging.message.body.size': 17,
      'messaging.message.id': 'm1',
      'tcw.pulse.attempt': 1,
    });
    expect(processed?.parentSpanContext?.spanId).toBe(sent?.spanContext().spanId);
    expect(processed?.links.map(link => link.context.spanId)).toEqual([sent?.spanContext().spanId]);
    expect(active).toEqual([processed?.spanContext().spanId]);
  });

  it('continues the span of the publisher, and keeps other headers', async () => {
    const pulse = await memory();
    let headers: PulseMessage['headers'] = {};
    const results = await handled(pulse, message => (headers = message.headers));
    const outer = trace.getTracer('test').startSpan('outer');
    await context.with(trace.setSpan(context.active(), outer), () =>
      pulse.publish(EXCHANGE, 'k', 1, { headers: { mine: 'kept' } }),
    );
    outer.end();
    await expect.poll(() => results.length).toBe(1);
    expect(sdk.span(`send ${EXCHANGE}`)?.parentSpanContext?.spanId).toBe(outer.spanContext().spanId);
    expect(headers).toMatchObject({ mine: 'kept', traceparent: expect.any(String) });
    expect(trace.getSpanContext(propagation.extract(ROOT_CONTEXT, headers))?.traceId).toBe(
      outer.spanContext().traceId,
    );
  });

  it('continues through RabbitMQ, and names the server', async () => {
    const pulse = connect({ url: inject('pulseUrl') });
    pulses.push(pulse);
    const exchange = `exchange/tcw-test/${randomUUID()}`;
    await pulse.declareExchange(exchange);
    const results = await handled(pulse, () => undefined, { queue: ephemeralQueue('traced'), exchange });
    await pulse.publish(exchange, 'k', 1);
    await expect.poll(() => results.length).toBe(1);

    const { hostname, port } = new URL(inject('pulseUrl'));
    const server = { 'server.address': hostname, 'server.port': Number(port) };
    const sent = sdk.span(`send ${exchange}`);
    expect(sent?.attributes).toMatchObject(server);
    const processed = sdk.span('process (temporary)');
    expect(processed?.attributes).toMatchObject({ ...server, 'messaging.destination.temporary': true });
    expect(processed?.parentSpanContext?.spanId).toBe(sent?.spanContext().spanId);
  });

  it('reports errors by their kind, without the message of a handler', async () => {
    const pulse = await memory();
    const results = await handled(pulse, async ({ body }) => {
      if (body === 1) throw new TypeError('the password is hunter2');
      return reject('hunter2');
    });
    await pulse.publish(EXCHANGE, 'k', 1);
    await pulse.publish(EXCHANGE, 'k', 2);
    await pulse.tryPublish('exchange/tester/missing', 'k', 1);
    await expect.poll(() => results.length).toBe(2);

    const processed = sdk.spans().filter(({ name }) => name === `process ${NAME}`);
    expect(processed.map(({ attributes }) => attributes['error.type'])).toEqual(['TypeError', 'reject']);
    expect(processed.map(({ status }) => status)).toEqual([
      { code: SpanStatusCode.ERROR },
      { code: SpanStatusCode.ERROR },
    ]);
    expect(sdk.span('send exchange/tester/missing')?.attributes['error.type']).toBe('not-found');
    const told = sdk.spans().map(({ attributes, events, status }) => ({ attributes, events, status }));
    expect(JSON.stringify(told)).not.toContain('hunter2');
  });

  it('counts and times messages that are sent, delivered and handled', async () => {
    const pulse = await memory();
    const results = await handled(pulse, () => undefined);
    await pulse.publish(EXCHANGE, 'k', 1);
    await pulse.publish(EXCHANGE, 'k', 'bad');
    await pulse.tryPublish(EXCHANGE, 'k'.repeat(256), 1);
    await expect.poll(() => results.length).toBe(1);

    const seen = async (name: string) =>
      (await sdk.metric(name)).map(({ attributes, value }) => [
        attributes['messaging.destination.name'],
        attributes['error.type'],
        value,
      ]);
    const sent = [
      [EXCHANGE, undefined, 2],
      [EXCHANGE, 'invalid', 1],
    ];
    expect(await seen('messaging.client.sent.messages')).toEqual(sent);
    expect(await seen('messaging.client.operation.duration')).toEqual(sent);
    expect(await seen('messaging.client.consumed.messages')).toEqual([
      [NAME, undefined, 1],
      [NAME, 'bad-message', 1],
    ]);
    expect(await seen('messaging.process.duration')).toEqual([[NAME, undefined, 1]]);
  });

  it('shows held and waiting messages, but not those of a consumer that has ended', async () => {
    const pulse = await memory();
    const { promise: over, resolve: end } = Promise.withResolvers<undefined>();
    const end$ = new Subject<void>();
    const watch = { everyMs: 10, depth: 50 };
    const results = await handled(pulse, () => over, { until$: end$, watch });
    await pulse.publish(EXCHANGE, 'k', 1);
    await expect.poll(() => pulse.gauges().consumers).toMatchObject([{ count: 1, depth: 1 }]);
    expect(await sdk.metric('tcw.pulse.consumer.held')).toMatchObject([
      { attributes: { 'messaging.destination.name': NAME }, value: 1 },
    ]);
    const [oldest] = await sdk.metric('tcw.pulse.consumer.oldest_unacked');
    expect(oldest?.value).toBeGreaterThan(0);
    expect(await sdk.metric('tcw.pulse.queue.depth')).toMatchObject([
      { attributes: { 'messaging.destination.name': NAME }, value: 1 },
    ]);
    expect(await sdk.metric('tcw.pulse.publisher.waiting')).toMatchObject([{ value: 0 }]);
    expect(await sdk.metric('tcw.pulse.publisher.unconfirmed')).toMatchObject([{ value: 0 }]);
    end(undefined);
    await expect.poll(() => results.length).toBe(1);
    end$.next();
    await expect.poll(() => pulse.gauges().consumers).toEqual([]);
    expect(await sdk.metric('tcw.pulse.consumer.held')).toMatchObject([{ value: 0 }]);
    expect(await sdk.metric('tcw.pulse.queue.depth')).toMatchObject([{ value: 0 }]);
  });

  it('counts warnings', async () => {
    const pulse = await memory();
    await pulse.publish(EXCHANGE, 'k', 'x'.repeat(9_000));
    expect(await sdk.metric('tcw.pulse.warnings')).toMatchObject([
      { attributes: { 'tcw.pulse.warning': 'large-body' }, value: 1 },
    ]);
  });

  it('affects no messages or connections if it fails itself', async () => {
    const broken = breaking();
    const pulse = await memory();
    const results = await handled(pulse, ({ body }) => {
      if (body === 'fails') throw new Error('not now');
    });
    expect(await pulse.tryPublish(EXCHANGE, 'k', 'x'.repeat(9_000))).toEqual({ status: 'confirmed' });
    for (const body of ['bad', 'fails', 'good']) await pulse.publish(EXCHANGE, 'k', body);
    expect(await pulse.tryPublish('', 'k', 1)).toMatchObject({ status: 'refused' });
    await expect.poll(() => results.map(({ outcome }) => outcome)).toEqual(['acked', 'rejected', 'acked']);
    await pulse.close();
    expect(broken.times()).toBeGreaterThan(10);
  });

  it('is absent if it is disabled', async () => {
    const pulse = await memory({ telemetry: false });
    let headers: PulseMessage['headers'] | undefined;
    const results = await handled(pulse, message => (headers = message.headers));
    await pulse.publish(EXCHANGE, 'k', 1);
    await expect.poll(() => results.length).toBe(1);
    expect(headers).toEqual({});
    expect(sdk.spans()).toEqual([]);
    expect(await sdk.metric('messaging.client.sent.messages')).toEqual([]);
  });
});

it('telemetry adds nothing to a message while no SDK is registered', async () => {
  const pulse = connectToMemory(new MemoryBroker(), 'tester');
  try {
    await pulse.declareExchange(EXCHANGE);
    let headers: PulseMessage['headers'] | undefined;
    const results = await handled(pulse, message => (headers = message.headers));
    await pulse.publish(EXCHANGE, 'k', 1);
    await expect.poll(() => results.length).toBe(1);
    expect(headers).toEqual({});
  } finally {
    await pulse.close(0);
  }
});
