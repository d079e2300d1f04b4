// What somebody writes who has installed tcw. package.test.ts compiles and runs it in a project of its own, where
// `tcw/…` is the packed file.
import { binding, connect, handle, namedQueue, PulseError } from 'tcw/pulse';
import { connectToMemory, MemoryBroker } from 'tcw/pulse/testing';
import * as exchanges from 'tcw/exchanges';
import { deadline } from 'tcw/streams';
import * as worker from 'tcw';
import { firstValueFrom, lastValueFrom, take, toArray } from 'rxjs';

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
const first$ = memory.consume({ queue: there, bindings: [all] }).pipe(handle(() => undefined));
console.log(`memory: ${(await firstValueFrom(first$)).outcome}`);
await memory.close();

const pending = exchanges.queue.taskPending();
console.log(pending.exchange.split('/').at(-1));
if (typeof deadline !== 'function' || Object.keys(worker).length === 0) throw new Error('an entry is empty');

await pulse.queue(spec).delete();
console.log((await pulse.queue(spec).inspect()) ?? 'no such queue now');
await pulse.close();
