// One library doing one job in its own process, so that its CPU time is measured separately.
import { nowMs } from '../setting/clock.ts';
import type { Contender } from './contenders/contender.ts';
import type { ContenderName, Job, JobMessage } from './job.ts';
import { pendingMessage } from './messages.ts';

/** Only the measured library is loaded. */
const LOAD = {
  tcw: () => import('./contenders/tcw.ts'),
  amqplib: () => import('./contenders/amqplib.ts'),
  'rabbitmq-client': () => import('./contenders/rabbitmq-client.ts'),
  'amqp-connection-manager': () => import('./contenders/amqp-connection-manager.ts'),
  rascal: () => import('./contenders/rascal.ts'),
} satisfies Record<ContenderName, () => Promise<{ contender: Contender }>>;

if (process.env.BENCH_JOB !== undefined) {
  const job = JSON.parse(process.env.BENCH_JOB) as Job;
  process.send?.(await run(job), () => process.exit());
}

async function run(job: Job): Promise<JobMessage> {
  if (job.type === 'handle') return (await import('./handling.ts')).handling(job);
  const { contender } = await LOAD[job.contender]();
  return job.type === 'publish' ? publish(contender, job) : consume(contender, job);
}

async function consume(
  contender: Contender,
  { url, messages, ...job }: Extract<Job, { type: 'consume' | 'listen' }>,
): Promise<JobMessage> {
  const waitsMs: number[] = [];
  const last = Promise.withResolvers<undefined>();
  let seen = 0;
  let firstMs = 0;
  let cpu = process.cpuUsage();
  const onBody = (body: unknown) => {
    if (seen++ === 0) {
      firstMs = nowMs();
      cpu = process.cpuUsage();
    }
    if (job.type === 'listen') waitsMs.push(nowMs() - (body as { sentMs: number }).sentMs);
    if (seen === messages) last.resolve(undefined);
  };
  const stop = await contender.consume({
    url,
    queue: job.queue,
    prefetch: job.prefetch,
    validate: job.type === 'consume' && job.validate,
    onBody,
  });
  process.send?.('listening' satisfies JobMessage);
  await last.promise;
  const wallMs = nowMs() - firstMs;
  const cpuMs = inMs(process.cpuUsage(cpu));
  await stop();
  return { wallMs, cpuMs, waitsMs };
}

async function publish(
  contender: Contender,
  { url, exchange, messages, inFlight }: Extract<Job, { type: 'publish' }>,
): Promise<JobMessage> {
  const publisher = await contender.publishTo(url, exchange);
  const body = pendingMessage(0);
  await publisher.publish('warm.up', body);
  const startedMs = nowMs();
  const cpu = process.cpuUsage();
  let left = messages;
  const oneAfterTheOther = async () => {
    while (left-- > 0) await publisher.publish('one.of.many', body);
  };
  await Promise.all(Array.from({ length: inFlight }, oneAfterTheOther));
  const wallMs = nowMs() - startedMs;
  const cpuMs = inMs(process.cpuUsage(cpu));
  await publisher.close();
  return { wallMs, cpuMs, waitsMs: [] };
}

function inMs({ user, system }: NodeJS.CpuUsage): number {
  return (user + system) / 1_000;
}
