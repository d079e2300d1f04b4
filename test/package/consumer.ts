// A program of somebody who has installed tcw. package.test.ts compiles and runs it in a project of its own, where
// `tcw/…` is the packed file.
import { binding, connect, handle, namedQueue, PulseError } from 'tcw/pulse';
import { connectToMemory, MemoryBroker } from 'tcw/pulse/testing';
import { queueExchanges, type TaskPendingMessage } from 'tcw/exchanges';
import { claimExpiry, longTimer } from 'tcw/streams';
import { configDefaults, configSchema, FEATURES, payloadSchema, startWorker, TaskError } from 'tcw';
import { firstValueFrom, lastValueFrom, map, of, take, toArray, VirtualTimeScheduler } from 'rxjs';

interface Thing {
  readonly id: number;
}

const { PULSE_URL, PULSE_USERNAME, RUN } = process.env;
const exchange = `exchange/${PULSE_USERNAME}/package/${RUN}`;
const spec = namedQueue(`package/${RUN}`, { maxLength: 100, expiresMs: 60_000 });
const created = binding<Thing>(exchange, 'created.*', { required: ['id'] });

const pulse = connect({ url: PULSE_URL });
await pulse.declareExchange(exchange);
await pulse.queue(spec).declare([created]);

const things = pulse.publisher<Thing>(exchange, { mandatory: true });
const sent = await Promise.all([
  things.tryPublish('created.1', { id: 1 }),
  things.tryPublish('created.2', { id: 2 }),
  things.tryPublish('nobody.wants', { id: 3 }),
]);
console.log(sent.map(({ status }) => status).join(' '));

const results = await lastValueFrom(
  pulse.consume({ queue: spec, bindings: [created] }).pipe(
    handle(({ body }) => {
      if (!Number.isInteger(body.id)) throw new PulseError('invalid', 'not a thing');
    }),
    take(2),
    toArray(),
  ),
);
for (const { message, outcome, attempts } of results) console.log(message.routingKey, outcome, attempts);

const memory = connectToMemory(new MemoryBroker());
await memory.declareExchange('exchange/tester/things');
const there = namedQueue('there', { maxLength: 10 });
const all = binding<Thing>('exchange/tester/things', '#');
await memory.queue(there).declare([all]);
await memory.publish('exchange/tester/things', 'a', { id: 1 });
const ids$ = memory.consume({ queue: there, bindings: [all] }).pipe(
  map(message => {
    message.ack();
    return message.body.id;
  }),
);
console.log(`memory: ${await firstValueFrom(ids$)}`);
await memory.close();

const known: keyof TaskPendingMessage = 'status';
console.log(queueExchanges.taskPending.validate({ version: 1, runId: 0 }), known);

const scheduler = new VirtualTimeScheduler();
claimExpiry(of({ forMs: 60_000 }), { scheduler }).subscribe(console.log);
longTimer(100 * 24 * 3_600_000, { scheduler }).subscribe(() => console.log('100 days'));
scheduler.flush();

// The worker: what it needs before it can start, and a start that is refused.
console.log(configDefaults().capacity, Object.keys(configSchema()).length > 0, FEATURES.length > 10);
console.log(Object.keys(payloadSchema('generic-worker', FEATURES)).includes('properties'));
console.log(new TaskError('malformed-payload', 'no command').message, typeof startWorker);

await pulse.queue(spec).delete();
console.log((await pulse.queue(spec).inspect()) ?? 'no such queue now');
await pulse.close();
