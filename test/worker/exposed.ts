import { expect } from 'vitest';
import { PATIENCE_MS } from '../patience.ts';
import { tcw } from '../cli/tcw.ts';
import { waitFor } from '../wait-for.ts';
import type { Deployment } from './deployment.ts';

const LIVE = 'public/logs/live.log';

/** A task that prints a line when the file `say` appears, and ends when `told` does. */
export const TALKING =
  'echo begun; until [ -e told ]; do if [ -e say ]; then rm say; echo a line of the task; fi; sleep 0.1; done';

/**
 * Watches a task from outside to its end. A reader follows the live log, a shell makes the task print and end, and the
 * reader gets the whole log.
 *
 * @param whoami the expected output of `id -u` in the shell
 */
export async function watchedFromOutside(here: Deployment, taskId: string, whoami: RegExp): Promise<void> {
  const artifact = `${here.rootUrl}/api/queue/v1/task/${taskId}/runs/0/artifacts/${encodeURIComponent(LIVE)}`;
  const url = await waitFor(async () => {
    const answer = await fetch(artifact, { redirect: 'manual' });
    expect(answer.status).toBe(303);
    return answer.headers.get('location') ?? '';
  });
  const response = await fetch(url);
  let got = '';
  const ended = (async () => {
    for await (const chunk of response.body ?? []) got += Buffer.from(chunk).toString();
  })();
  await expect.poll(() => got, { timeout: PATIENCE_MS }).toContain('begun');

  const environment = here.userEnvironment;
  const said = await tcw(['shell', taskId, '--', 'id -u; touch say; exit 7'], { environment });
  expect([said.exitCode, said.stdout], said.stderr).toEqual([7, expect.stringMatching(whoami)]);
  await expect.poll(() => got, { timeout: PATIENCE_MS }).toContain('a line of the task');

  await tcw(['shell', taskId, '--', 'touch told'], { environment });
  expect(await here.resolved(taskId)).toMatchObject({ state: 'completed' });
  await ended;
  expect(got).toBe(await here.log(taskId));
  // Log and shell end when the worker has cleaned up after the task.
  await expect.poll(async () => (await fetch(url)).status, { timeout: PATIENCE_MS }).toBe(401);
  expect((await tcw(['shell', taskId], { environment })).exitCode).toBe(66);
}
