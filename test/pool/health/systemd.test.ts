import { describe, expect, it, onTestFinished } from 'vitest';
import { health } from '../../../src/pool/health/index.ts';
import { systemdNotices } from '../../../src/pool/health/systemd.ts';
import { ServiceError } from '../../../src/taskcluster/index.ts';
import type { WorkerSnapshot } from '../../../src/worker/index.ts';
import { waitFor } from '../../wait-for.ts';
import { hasProgram, serviceManager } from './service-manager.ts';
import { shortOfDisk } from './short-of-disk.ts';

const IDLE: WorkerSnapshot = {
  state: { phase: 'listening', pulse: 'up' },
  capacity: 1,
  runs: [],
  outOfService: 0,
  resolved: 0,
};

describe.skipIf(!hasProgram)('the notifications to systemd', () => {
  async function notices(given: { watchdogMs?: number; snapshot?: WorkerSnapshot } = {}) {
    const manager = await serviceManager();
    const environment: NodeJS.ProcessEnv = { PATH: process.env.PATH, NOTIFY_SOCKET: manager.socket };
    if (given.watchdogMs) environment.WATCHDOG_USEC = String(given.watchdogMs * 1_000);
    const seen = health();
    let snapshot = given.snapshot ?? IDLE;
    const failures: unknown[] = [];
    const notifier = systemdNotices({
      environment,
      report: () => seen.report(snapshot),
      onFailure: error => failures.push(error),
      statusEveryMs: 100,
    });
    if (!notifier) throw new Error('systemd is not told');
    onTestFinished(() => {
      notifier[Symbol.dispose]();
    });
    return {
      manager,
      environment,
      seen,
      notifier,
      failures,
      become: (next: WorkerSnapshot) => {
        snapshot = next;
        notifier.see(next.state);
      },
    };
  }

  it('include READY=1 and a status when the worker listens, once', async () => {
    const { manager, notifier } = await notices();
    notifier.see({ phase: 'starting', pulse: 'undecided' });
    notifier.see(IDLE.state);
    notifier.see({ phase: 'listening', pulse: 'down' });
    await notifier.sent();
    await waitFor(() => {
      expect(manager.lines().filter(line => line === 'READY=1')).toHaveLength(1);
    });
    expect(manager.lines()).toContain('STATUS=listening; 0 of 1 slots busy');
  });

  it.runIf(process.getuid?.() === 0)(
    'are sent by root’s worker process itself, so that NotifyAccess=main is enough',
    async () => {
      const { manager, notifier } = await notices();
      notifier.see(IDLE.state);
      await notifier.sent();
      await waitFor(() => {
        expect(manager.lines()).toContain('READY=1');
      });
      const lines = manager.lines();
      expect(lines[lines.indexOf('READY=1') - 1]).toBe(`sender ${process.pid}`);
    },
  );

  it('are not possible for child processes, because the socket is removed from the environment', async () => {
    const { environment } = await notices({ watchdogMs: 10_000 });
    expect(Object.keys(environment)).toEqual(['PATH']);
  });

  it('repeat WATCHDOG=1 while the worker is healthy', async () => {
    const { manager } = await notices({ watchdogMs: 200 });
    await waitFor(() => {
      expect(manager.lines().filter(line => line === 'WATCHDOG=1').length).toBeGreaterThan(2);
    });
  });

  it('omit WATCHDOG=1 while an idle worker has no disk space, with the reason in the status', async () => {
    const { manager, seen, notifier } = await notices({ watchdogMs: 200 });
    seen.see(shortOfDisk);
    await waitFor(() => {
      expect(manager.lines().join()).toContain('the disk has no room for another task');
    });
    await notifier.sent();
    const before = manager.lines().filter(line => line === 'WATCHDOG=1').length;
    // Each further status shows that a time has passed at which it would have come.
    const statuses = () => manager.lines().filter(line => line.startsWith('STATUS=')).length;
    for (let round = 0; round < 4; round++) {
      const sofar = statuses();
      seen.see(round % 2 ? { type: 'quarantine-ended' } : { type: 'quarantined', until: '2030' });
      await waitFor(() => {
        expect(statuses()).toBeGreaterThan(sofar);
      });
    }
    expect(manager.lines().filter(line => line === 'WATCHDOG=1')).toHaveLength(before);
  });

  it('repeat WATCHDOG=1 while a task runs, whatever the health', async () => {
    const busy = { ...IDLE, runs: [{ taskId: 't', runId: 0, state: { phase: 'running' } as const }] };
    const { manager, seen } = await notices({ watchdogMs: 200, snapshot: busy });
    seen.see(shortOfDisk);
    await waitFor(() => {
      expect(manager.lines().filter(line => line === 'WATCHDOG=1').length).toBeGreaterThan(2);
    });
  });

  it('repeat WATCHDOG=1 while the queue is unavailable or refuses the worker, because a restart would not help', async () => {
    const { manager, seen } = await notices({ watchdogMs: 200 });
    seen.see({ type: 'claim-work-failed', err: new ServiceError('forbidden', 'no', 401), waitMs: 1 });
    await waitFor(() => {
      expect(manager.lines().join()).toContain('the queue refuses claimWork (401)');
    });
    const before = manager.lines().filter(line => line === 'WATCHDOG=1').length;
    await waitFor(() => {
      expect(manager.lines().filter(line => line === 'WATCHDOG=1').length).toBeGreaterThan(before + 2);
    });
  });

  it('include STOPPING=1 for an immediate shutdown, but not while the worker finishes its tasks', async () => {
    const { manager, become, notifier } = await notices();
    become({ ...IDLE, state: { phase: 'draining', pulse: 'up', because: 'stopped' } });
    await waitFor(() => {
      expect(manager.lines().join()).toContain('STATUS=draining');
    });
    expect(manager.lines()).not.toContain('STOPPING=1');
    become({ ...IDLE, state: { phase: 'draining', pulse: 'up', because: 'shutdown' } });
    become({ ...IDLE, state: { phase: 'stopped', pulse: 'up', because: 'shutdown' } });
    await notifier.sent();
    await waitFor(() => {
      expect(manager.lines().filter(line => line === 'STOPPING=1')).toHaveLength(1);
    });
  });

  it('leave a watchdog alone that is meant for another process', async () => {
    const manager = await serviceManager();
    const notifier = systemdNotices({
      environment: {
        PATH: process.env.PATH,
        NOTIFY_SOCKET: manager.socket,
        WATCHDOG_USEC: '100000',
        WATCHDOG_PID: '1',
      },
      report: () => health().report(IDLE),
      onFailure: () => undefined,
      statusEveryMs: 100,
    });
    onTestFinished(() => {
      notifier?.[Symbol.dispose]();
    });
    await waitFor(() => {
      expect(manager.lines().join()).toContain('STATUS=listening');
    });
    expect(manager.lines()).not.toContain('WATCHDOG=1');
  });
});

it('nothing is sent if systemd does not ask for it', () => {
  const notifier = systemdNotices({
    environment: {},
    report: () => health().report(),
    onFailure: () => undefined,
  });
  expect(notifier).toBeUndefined();
});

it('a failure to notify systemd is reported once', async () => {
  const failures: unknown[] = [];
  const notifier = systemdNotices({
    environment: { NOTIFY_SOCKET: '/nowhere/notify', PATH: '/nowhere' },
    report: () => health().report(IDLE),
    onFailure: error => failures.push(error),
  });
  notifier?.see(IDLE.state);
  notifier?.see({ phase: 'stopped', pulse: 'up', because: 'idle' });
  await notifier?.sent();
  notifier?.[Symbol.dispose]();
  expect(failures).toHaveLength(1);
});
