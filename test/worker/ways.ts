import { test } from 'vitest';
import type { LocalQueueOptions } from '../../src/local/index.ts';
import { deployment, type Deployment, type Way } from './deployment.ts';

/** All promises of a worker hold in each of these ways. */
export const WAYS: readonly Way[] = [
  'with Pulse',
  'polling',
  'with Pulse lost at each claim and found again',
];

/** Makes a deployment that is closed after the test. */
export type Deploy = (options?: Partial<LocalQueueOptions>) => Promise<Deployment>;

/** Tests with separate deployments, so that they can run in parallel. */
export function testOf(way: Way) {
  return test.extend<{ deploy: Deploy }>({
    deploy: async ({ task: _task }, use) => {
      const deployments: Deployment[] = [];
      await use(async options => {
        // Without Pulse, only a reclaim reveals a cancellation, so claims are short.
        const claims = way === 'polling' ? { claimTimeoutMs: 8_000 } : {};
        const here = await deployment({ ...claims, ...options }, undefined, way);
        deployments.push(here);
        return here;
      });
      await Promise.all(deployments.map(here => here.close()));
    },
  });
}
