import { inspect } from 'node:util';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { claimFrom, leaseFrom, parseTime } from '../../src/taskcluster/queue/claim.ts';
import type { TaskClaim } from '../../src/taskcluster/index.ts';

const STARTED = '2026-11-20T22:18:35.764Z';
const CREDENTIALS = {
  clientId: 'task-client/x',
  accessToken: 'token-that-nobody-may-see',
  certificate: '{"signature": "certificate-that-nobody-may-see"}',
};

/** A claim as claimWork answers it, as far as it is read. */
function answer(change: Partial<TaskClaim> = {}, started: string | undefined = STARTED): TaskClaim {
  return {
    runId: 1,
    workerGroup: 'group',
    workerId: 'worker',
    takenUntil: '2026-11-20T22:38:35.764Z',
    credentials: CREDENTIALS,
    task: { deadline: '2026-11-21T00:00:00.5Z', payload: {} },
    status: { taskId: 'Wq3cJ8DbQ0eHkZ5uYt1mPA', runs: [{}, { ...(started !== undefined && { started }) }] },
    ...change,
  } as unknown as TaskClaim;
}

describe("the queue's times", () => {
  it('are parsed in both formats', () => {
    const ms = Date.UTC(2026, 10, 20, 22, 38, 35, 330);
    expect(parseTime('2026-11-20T22:38:35.33+00:00')).toBe(ms);
    expect(parseTime('2026-11-20T22:38:35.330Z')).toBe(ms);
    expect(parseTime('2026-11-20T22:38:35+00:00')).toBe(ms - 330);
  });

  it('are the same in both formats, for any time', () => {
    const time = fc.date({ min: new Date('2000-01-01'), max: new Date('2100-01-01'), noInvalidDate: true });
    fc.assert(
      fc.property(time, date => {
        // PostgreSQL writes no trailing zeros, and no fraction where there is none.
        const postgres = date.toISOString().replace(/\.?0*Z$/, '+00:00');
        expect(parseTime(postgres)).toBe(date.getTime());
        expect(parseTime(date.toISOString())).toBe(date.getTime());
      }),
    );
  });

  it.each(['UTC', 'America/New_York', 'Australia/Lord_Howe'])('ignore daylight saving: %s', zone => {
    const before = process.env.TZ;
    process.env.TZ = zone;
    try {
      // An hour that is left out, and one that comes twice, in two of these zones.
      for (const day of ['2026-03-08', '2026-10-04', '2026-11-01', '2026-04-05']) {
        const [year = 0, month = 0, date = 0] = day.split('-').map(Number);
        for (let hour = 0; hour < 24; hour++) {
          const text = `${day}T${String(hour).padStart(2, '0')}:30:00.5+00:00`;
          expect(parseTime(text)).toBe(Date.UTC(year, month - 1, date, hour, 30, 0, 500));
        }
      }
    } finally {
      process.env.TZ = before;
      if (before === undefined) delete process.env.TZ;
    }
  });

  it.each(['', 'soon', '2026-13-01T00:00:00Z'])('are refused if they are invalid: %j', text => {
    expect(() => parseTime(text)).toThrow(`the queue sent ${JSON.stringify(text)} for a time`);
  });
});

describe('a claim', () => {
  it('has its times parsed, once', () => {
    expect(claimFrom(answer(), 0)).toMatchObject({
      taskId: 'Wq3cJ8DbQ0eHkZ5uYt1mPA',
      runId: 1,
      workerGroup: 'group',
      workerId: 'worker',
      deadlineMs: Date.UTC(2026, 10, 21, 0, 0, 0, 500),
      startedMs: Date.UTC(2026, 10, 20, 22, 18, 35, 764),
      lease: { takenUntilMs: Date.UTC(2026, 10, 20, 22, 38, 35, 764) },
    });
  });

  it('started when its answer arrived if the queue does not say when', () => {
    const claim = { ...answer() };
    claim.status = { ...claim.status, runs: [] };
    expect(claimFrom(claim, 12_345).startedMs).toBe(12_345);
  });

  it('shows of its credentials only the clientId', () => {
    const { credentials } = leaseFrom(answer());
    expect(credentials.accessToken.reveal()).toBe(CREDENTIALS.accessToken);
    expect(credentials.certificate?.reveal()).toBe(CREDENTIALS.certificate);
    const claim = claimFrom(answer(), 0);
    const shown = `${inspect(claim, { depth: Infinity, showHidden: true })} ${JSON.stringify(claim)}`;
    expect(shown).toContain('task-client/x');
    expect(shown).not.toContain('nobody-may-see');
  });
});
