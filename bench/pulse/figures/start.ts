import { once } from 'node:events';
import { rmSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { bundlePulse } from '../../../scripts/build/pulse-package.ts';
import { rowOf, type Row } from '../../report/row.ts';
import { firstMessage, startNode } from '../../setting/children.ts';
import type { PulseFigure } from './figure.ts';

const ROUNDS = { quick: 3, full: 15 };
/** At most 1.15 times the baseline. */
const GOAL = { ratioAtLeast: 0.87 };

/** Located in the checkout, so that Node finds the packages that the bundle imports. */
const BUNDLE = fileURLToPath(new URL('../../../node_modules/.cache/bench-tcw-pulse/', import.meta.url));

/** The report of a consumer when it starts to consume. */
interface Start {
  /** The time from the start of the process until everything is imported. */
  readonly importMs: number;
  /** The user and system time of the process until then. */
  readonly importCpuMs: number;
  readonly residentMb: number;
}

/** The smallest consumers: the published tcw-pulse, and bare amqplib with rxjs around it. */
const CONSUMERS = {
  tcw: `
    import { binding, connect, ephemeralQueue } from ${JSON.stringify(`${BUNDLE}pulse.js`)};
    import { map } from 'rxjs';
    imported();
    const { BENCH_URL: url, BENCH_EXCHANGE: exchange } = process.env;
    const queue = ephemeralQueue('bench');
    const onEvent = ({ type }) => type === 'consuming' && report();
    connect({ url }).consume({ queue, bindings: [binding(exchange, '#')], onEvent }).pipe(
      map(message => message.ack()),
    ).subscribe();`,
  bare: `
    import { connect } from 'amqplib';
    import { map, Observable } from 'rxjs';
    imported();
    const { BENCH_URL: url, BENCH_EXCHANGE: exchange } = process.env;
    const connection = await connect(url);
    const channel = await connection.createChannel();
    const { queue } = await channel.assertQueue('queue/tcw-test/bench/start', { exclusive: true });
    await channel.bindQueue(queue, exchange, '#');
    new Observable(subscriber => {
      void channel.consume(queue, message => subscriber.next(message)).then(report);
    }).pipe(map(message => channel.ack(message))).subscribe();`,
};

/** Function declarations, which are available before the imports finish. Imports always run first in a module. */
const REPORTING = `
  var start;
  function imported() {
    const { user, system } = process.cpuUsage();
    start = { importMs: performance.now(), importCpuMs: (user + system) / 1_000 };
  }
  function report() {
    process.send({ ...start, residentMb: process.memoryUsage.rss() / 2 ** 20 });
  }`;

/** The cost of importing the library for a consumer that does little else. */
export const start: PulseFigure = {
  name: 'start',
  async measure({ url, exchange, quick, say }): Promise<Row[]> {
    const rounds = quick ? ROUNDS.quick : ROUNDS.full;
    say(`start: ${rounds} consumers of each kind, in turns`);
    await bundlePulse(BUNDLE);
    const own: Start[] = [];
    const bare: Start[] = [];
    for (let round = 0; round < rounds; round++) {
      bare.push(await startOne(CONSUMERS.bare, url, exchange));
      own.push(await startOne(CONSUMERS.tcw, url, exchange));
    }
    rmSync(BUNDLE, { recursive: true });
    const compared = (figure: string, unit: 'ms' | 'MB', of: keyof Start) => {
      const samples = own.map(start => start[of]);
      const baseline = bare.map(start => start[of]);
      return rowOf('median', { figure, unit, samples, baseline }, GOAL);
    };
    return [
      compared('a minimal consumer, beside bare amqplib and rxjs: until it is imported', 'ms', 'importMs'),
      compared('a minimal consumer: CPU until it is imported', 'ms', 'importCpuMs'),
      compared('a minimal consumer: resident memory when it consumes', 'MB', 'residentMb'),
    ];
  },
};

async function startOne(code: string, url: string, exchange: string): Promise<Start> {
  const child = startNode(
    ['--input-type=module', '--eval', code + REPORTING],
    { BENCH_URL: url, BENCH_EXCHANGE: exchange },
    ['ignore', 'inherit', 'inherit', 'ipc'],
  );
  const started = await firstMessage(child, message => message as Start);
  child.kill('SIGKILL');
  await once(child, 'exit');
  return started;
}
