// A program that closes Pulse and has nothing else to do: whether it ends is what `closing.test.ts` looks at.
import { once } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';
import { binding, connect, ephemeralQueue, type ConsumerEvent } from '../../src/pulse/index.ts';
import { MemoryBroker, memoryTransport } from '../../src/pulse/testing.ts';

const [scenario = '', url = ''] = process.argv.slice(2);
const NEVER_SECS = 600;
const say = (text: string) => process.stdout.write(`${text}\n`);

/** Goes on at the next line that the test writes. */
async function told(): Promise<void> {
  process.stdin.resume();
  await once(process.stdin, 'data');
  process.stdin.destroy();
}

const patient = { heartbeatSecs: NEVER_SECS, connectTimeoutMs: NEVER_SECS * 1_000 };
const exchange = `exchange/tcw-test/closing-${process.pid}`;

switch (scenario) {
  case 'while it connects': {
    const pulse = connect({ url, ...patient });
    const published = pulse.publish(exchange, 'k', {}, { deadlineMs: 100 }).catch(() => undefined);
    const ready = pulse.ready().catch((error: unknown) => {
      say(String(error));
    });
    pulse.consume({ queue: ephemeralQueue(), bindings: [] }).subscribe();
    await sleep(200);
    await pulse.close(100);
    await Promise.all([published, ready]);
    break;
  }
  case 'on a network that has become silent': {
    const pulse = connect({ url, ...patient });
    await pulse.declareExchange(exchange);
    const consuming = Promise.withResolvers<undefined>();
    pulse
      .consume({
        queue: ephemeralQueue(),
        bindings: [binding(exchange, '#')],
        onEvent: () => {
          consuming.resolve(undefined);
        },
      })
      .subscribe();
    await consuming.promise;
    say('ready');
    await told();
    const published = pulse.publish(exchange, 'k', {}).catch((error: unknown) => {
      say(String(error));
    });
    await pulse.close(100);
    await published;
    break;
  }
  case 'after heartbeats were missed': {
    const pulse = connect({ url, heartbeatSecs: 1, backoff: { baseMs: 60_000, capMs: 60_000 } });
    await pulse.ready();
    say('ready');
    await told();
    const lost = Promise.withResolvers<undefined>();
    pulse.state$.subscribe(({ name }) => {
      if (name === 'waiting') lost.resolve(undefined);
    });
    await lost.promise;
    await pulse.close(100);
    break;
  }
  case 'with nothing alive but its deadline': {
    const pulse = connect({ transport: memoryTransport(new MemoryBroker()), user: 'tcw-test' });
    await pulse.declareExchange(exchange);
    const consuming = Promise.withResolvers<undefined>();
    const held = Promise.withResolvers<undefined>();
    const onEvent = ({ type }: ConsumerEvent) => {
      if (type === 'consuming') consuming.resolve(undefined);
    };
    const bindings = [binding(exchange, '#')];
    pulse.consume({ queue: ephemeralQueue(), bindings, onEvent }).subscribe(() => {
      held.resolve(undefined);
    });
    await consuming.promise;
    await pulse.publish(exchange, 'k', {});
    await held.promise;
    await pulse.close(300);
    break;
  }
  default:
    throw new Error(`no such scenario: ${scenario}`);
}
say('closed');
