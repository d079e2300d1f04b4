import { createServer } from 'node:http';
import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { afterEach, beforeEach, expect, it, onTestFinished } from 'vitest';
import { queueForWorkers } from '../cli/workers.ts';
import { queueFaultProxy } from '../harness/queue-fault-proxy.ts';
import { waitFor } from '../wait-for.ts';
import { hasProgram, serviceManager } from './health/service-manager.ts';

/** What a supervisor and Prometheus see of a real `tcw run`. */
let workers: Awaited<ReturnType<typeof queueForWorkers>>;
beforeEach(async () => {
  workers = await queueForWorkers();
});
afterEach(() => workers.close());

async function monitored(...flags: string[]) {
  const worker = workers.start('--monitoring-port=0', ...flags);
  const url = await waitFor(() => {
    const line = worker.lines().find(({ msg }) => msg.startsWith('serving /metrics'));
    expect(line).toBeDefined();
    return String(line?.url);
  });
  const asked = async (path: string) => {
    const response = await fetch(`${url}${path}`);
    return { status: response.status, text: await response.text() };
  };
  const answers = async (path: string, status: number) =>
    waitFor(async () => {
      const answer = await asked(path);
      expect(answer).toMatchObject({ status });
      return JSON.parse(answer.text) as Record<string, unknown>;
    });
  return { worker, url, asked, answers };
}

it('serves health and metrics of a worker that runs tasks', async () => {
  const { worker, url, asked, answers } = await monitored('--capacity=2', '--log-worker-metrics');
  expect(url).toMatch(/^http:\/\/127\.0\.0\.1:/);
  await answers('/readyz', 200);
  const done = await workers.create('echo hello');
  await workers.reaches(done, 'completed');
  const running = await workers.create('sleep 600');
  await workers.reaches(running, 'running');
  expect(await answers('/healthz', 200)).toEqual({
    status: 'ok',
    phase: 'listening',
    pulse: 'down',
    slots: { busy: 1, free: 1, outOfService: 0 },
    problems: [],
    pausedBy: [],
  });
  await waitFor(async () => {
    const { text } = await asked('/metrics');
    expect(text).toContain('tcw_runs_resolved_total{result="completed",reason=""} 1\n');
    expect(text).toContain('tcw_pending_to_claimed_seconds_count 2\n');
    expect(text).toContain('tcw_slots{state="busy"} 1\n');
    expect(text).toContain('tcw_pulse_connected 0\n');
    expect(text).toMatch(/^tcw_uploads_total [1-9]$/m);
    expect(text).toMatch(/^tcw_upload_bytes_total [1-9]\d+$/m);
    expect(text).toMatch(/^tcw_disk_free_bytes\{folder=".+"\} \d+$/m);
    expect(text).toMatch(/^tcw_info\{.*worker_pool="test\/processes".*\} 1$/m);
  });
  await worker.says(expect.stringMatching(/^WORKER_METRICS \{"eventType":"taskFinish"/) as string, {
    taskId: done,
  });
});

it('reports that it cannot work while the queue refuses it, and that it can afterwards', async () => {
  const proxy = await queueFaultProxy(workers.local.rootUrl);
  onTestFinished(() => proxy.close());
  const { answers } = await monitored(`--root-url=${proxy.rootUrl}`);
  await answers('/readyz', 200);
  const refusal = proxy.fault('claimWork', { kind: 'status', status: 403 });
  expect(await answers('/healthz', 503)).toMatchObject({
    status: 'cannot work',
    problems: [{ kind: 'queue-refuses', message: 'the queue refuses claimWork (403)' }],
  });
  await answers('/readyz', 503);
  refusal.lift();
  await answers('/healthz', 200);
});

it('reports that it cannot work while the disk is full', async () => {
  const { answers } = await monitored('--required-disk-space-megabytes=1000000000');
  expect(await answers('/healthz', 503)).toMatchObject({ problems: [{ kind: 'disk-short' }] });
});

it('reports a port that is in use in one line, before it claims anything', async () => {
  const other = createServer().listen(0, '127.0.0.1');
  onTestFinished(() => void other.close());
  await once(other, 'listening');
  const { port } = other.address() as AddressInfo;
  const worker = workers.start(`--monitoring-port=${port}`);
  let said = '';
  worker.child.stderr?.on('data', (chunk: Buffer) => (said += chunk.toString()));
  expect(await worker.exited).toBe(73);
  expect(said).toBe(
    `tcw: monitoringPort: cannot serve health and metrics at 127.0.0.1:${port} (another program uses it). Choose another port, or 0 for any.\n`,
  );
});

it.runIf(hasProgram)('notifies systemd when it is ready, while it is alive, and when it stops', async () => {
  const { socket, lines } = await serviceManager();
  const here = await queueForWorkers(
    {},
    { environment: { NOTIFY_SOCKET: socket, WATCHDOG_USEC: '2000000' } },
  );
  onTestFinished(() => here.close());
  const worker = here.start();
  await waitFor(() => {
    expect(lines()).toContain('READY=1');
    expect(lines()).toContain('WATCHDOG=1');
    expect(lines()).toContain('STATUS=polling; 0 of 1 slots busy');
  });
  const taskId = await here.create('env; sleep 600');
  await waitFor(() => {
    expect(lines()).toContain('STATUS=polling; 1 of 1 slots busy');
  });
  worker.child.kill('SIGTERM');
  expect(await worker.exited).toBe(72);
  expect(lines().slice(lines().indexOf('READY=1'))).toContain('STOPPING=1');
  await here.reaches(taskId, 'exception');
  // No task can speak for the worker.
  expect(await here.artifact(taskId, 'public/logs/live_backing.log')).not.toContain('NOTIFY_SOCKET');
});

it('serves nothing unless a port is configured', async () => {
  const worker = workers.start();
  await worker.says('worker listening');
  expect(worker.lines().some(({ msg }) => msg.startsWith('serving'))).toBe(false);
});
