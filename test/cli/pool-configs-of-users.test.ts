import { chmodSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { users } from '../config/pool-configs.ts';
import { canBeUsers, openFolder, someUserIds } from '../engines/user-fixtures.ts';
import { poolWorker, withoutAnyEffect } from './pool-worker.ts';

it.runIf(canBeUsers)(
  'the example configuration for pools with users runs a task as a prepared user, with a chain of trust',
  async () => {
    const program = join(openFolder('/var/lib'), 'prepare-user');
    writeFileSync(program, '#!/bin/sh\necho prepared >.prepared\n');
    chmodSync(program, 0o755);
    // The numbers are those of the test, so that it meets no other on this machine.
    const pool = { ...users, runAfterUserCreation: program, taskUserIds: someUserIds() };
    const worker = await poolWorker(pool);
    await worker.listening();
    const taskId = await worker.here.create('id -u; cat .prepared', {}, { features: { chainOfTrust: true } });
    await worker.here.reaches(taskId, 'completed');
    const log = await worker.here.artifact(taskId, 'public/logs/live_backing.log');
    expect(log).toMatch(/^[1-9]\d+\nprepared\n/m);
    expect(log).toContain('"sbom": "https://example.com/sbom.md"');
    const chain = JSON.parse(await worker.here.artifact(taskId, 'public/chain-of-trust.json')) as object;
    expect(chain).toMatchObject({
      environment: {
        publicIpAddress: '192.0.2.10',
        privateIpAddress: '10.1.2.3',
        instanceId: 'i-77',
        instanceType: 'large',
        region: 'north',
      },
    });
    expect(withoutAnyEffect(worker.warnings())).toEqual([]);
    expect(await worker.stop()).toBe(72);
  },
);
