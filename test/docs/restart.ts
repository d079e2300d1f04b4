import { execa } from 'execa';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { connect } from '../../src/pulse/index.ts';
import { brokerControl } from '../harness/broker-control.ts';
import type { Broker } from '../harness/broker.ts';
import { TEST_MS } from '../patience.ts';

const fromRoot = (path: string) => fileURLToPath(new URL(`../../${path}`, import.meta.url));

/**
 * Runs an example while builds are published and their broker is stopped for a time.
 *
 * @param example a file in examples/pulse
 * @param builds how many builds are published at least, until the broker is back
 * @param everyMs the pause between two builds
 * @returns the output of the example, how many builds were published, and how many of them were confirmed
 */
export async function restartUnderExample(
  file: string,
  broker: Broker,
  builds: number,
  everyMs: number,
  awayMs: number,
) {
  if (!broker.control) throw new Error('a broker that the tests did not start cannot be restarted');
  const control = brokerControl(broker.control);
  const exchange = 'exchange/taskcluster-queue/example/builds';
  const publishing = connect({ url: broker.queuePulseUrl, backoff: { baseMs: 100, capMs: 1_000 } });
  await publishing.declareExchange(exchange);

  const { username, password } = new URL(broker.pulseUrl);
  const url = new URL(broker.pulseUrl);
  url.username = url.password = '';
  const example = execa(
    'node',
    ['--import', fromRoot('test/docs/tcw-from-source.ts'), fromRoot(`examples/pulse/${file}`), exchange],
    {
      env: { PULSE_URL: url.href, PULSE_USERNAME: username, PULSE_PASSWORD: password },
      preferLocal: true,
      localDir: fromRoot(''),
      reject: false,
      all: true,
    },
  );
  let over = false;
  void example.then(() => (over = true));
  try {
    while (!(await control.queues()).some(({ consumers }) => consumers > 0)) {
      if (over) throw new Error(`the example has ended: ${(await example).all}`);
      await sleep(200);
    }

    const sent = [];
    let isBack = false;
    const restarted = (async () => {
      await sleep((builds * everyMs) / 4);
      await control.stop();
      await sleep(awayMs);
      await control.start();
      isBack = true;
    })();
    for (let id = 1; id <= builds || !isBack; id++) {
      const body = { id, platform: 'linux', result: 'bad' };
      sent.push(publishing.tryPublish(exchange, 'finished.linux', body, { deadlineMs: TEST_MS }));
      await sleep(everyMs);
    }
    await restarted;
    const confirmed = (await Promise.all(sent)).filter(({ status }) => status === 'confirmed').length;

    while ((await control.queues()).some(({ messages }) => messages > 0)) await sleep(200);
    example.kill('SIGINT');
    const { all = '', exitCode } = await example;
    return { printed: all, exitCode, sent: sent.length, confirmed };
  } finally {
    example.kill('SIGKILL');
    await publishing.close();
  }
}

// Prints the transcript that the documents show.
if (import.meta.main) {
  const { startOwnBroker } = await import('../harness/broker.ts');
  const broker = await startOwnBroker();
  const { printed, confirmed } = await restartUnderExample('failed-builds.ts', broker, 12, 600, 3_000);
  console.log(printed);
  console.error(`${confirmed} confirmed`);
  await broker.stop();
}
