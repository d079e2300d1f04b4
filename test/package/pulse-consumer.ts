// A program of somebody who has installed tcw-pulse and nothing else. It also says whether OpenTelemetry was loaded.
import { createRequire } from 'node:module';
import { binding, connect, ephemeralQueue, handle, namedQueue } from 'tcw-pulse';
import { queueExchanges } from 'tcw-pulse/exchanges';
import { connectToMemory } from 'tcw-pulse/testing';
import { firstValueFrom, map } from 'rxjs';

interface Thing {
  readonly id: number;
}

const { PULSE_URL, PULSE_USERNAME, RUN } = process.env;
const exchange = `exchange/${PULSE_USERNAME}/package/${RUN}`;
const pulse = connect({ url: PULSE_URL });
await pulse.declareExchange(exchange);

const queue = namedQueue(`package/${RUN}`, { maxLength: 100, expiresMs: 60_000 });
const created = binding<Thing>(exchange, 'created.*', { required: ['id'] });
await pulse.queue(queue).declare([created]);
await pulse.publish(exchange, 'created.1', { id: 1 });
const { outcome } = await firstValueFrom(
  pulse.consume({ queue, bindings: [created] }).pipe(handle(({ body }) => console.log('handled', body.id))),
);
console.log(outcome);
await pulse.queue(queue).delete();
await pulse.close();

const memory = connectToMemory();
await memory.declareExchange('exchange/tester/things');
const things = binding<Thing>('exchange/tester/things', '#');
const ids$ = memory.consume({ queue: ephemeralQueue(), bindings: [things] }).pipe(map(({ body }) => body.id));
const first = firstValueFrom(ids$);
const publisher = memory.publisher<Thing>('exchange/tester/things', { mandatory: true });
while ((await publisher.tryPublish('a', { id: 2 })).status !== 'confirmed') await new Promise(setImmediate);
console.log('from memory', await first);
await memory.close();

console.log(queueExchanges.taskPending.validate({ version: 1, runId: 0 }));
const loaded = Object.keys(createRequire(import.meta.url).cache);
console.log(
  'OpenTelemetry is loaded:',
  loaded.some(file => file.includes('opentelemetry')),
);
