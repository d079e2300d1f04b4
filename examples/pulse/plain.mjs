// Prints finished builds, without RxJS and without TypeScript: `node plain.mjs exchange/somebody/builds`.
// PULSE_URL, PULSE_USERNAME and PULSE_PASSWORD say where the broker is and who logs in.
import { binding, connect, namedQueue } from 'tcw/pulse';

const [exchange = 'exchange/me/builds'] = process.argv.slice(2);
const stop = new AbortController();
process.once('SIGINT', () => stop.abort());

const pulse = connect({ url: process.env.PULSE_URL, connectionName: 'plain' });
await pulse.handle(
  {
    queue: namedQueue('plain/v1', { maxLength: 1_500, expiresMs: 86_400_000 }),
    bindings: [binding(exchange, 'finished.#')],
    signal: stop.signal,
  },
  ({ body }) => console.log(`build ${body.id} is ${body.result}`),
);
await pulse.close();
console.log('stopped');
