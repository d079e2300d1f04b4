import { basename } from 'node:path';
import { afterAll, expect, it, onTestFinished } from 'vitest';
import { isAlive, lifeOf, ownLife } from '../../../src/worker/engines/processes/index.ts';
import { waitFor } from '../../wait-for.ts';
import { Log } from '../native-fixtures.ts';
import { client, engine, image, openSandbox } from './fixtures.ts';

afterAll(() => engine.close());

/** The names of the engine's containers, networks and volumes with a label. */
async function having(label: string): Promise<string[]> {
  const query = { all: true, filters: JSON.stringify({ label: [label] }) };
  const containers = await client.json<{ Id: string }[]>({ method: 'GET', path: '/containers/json', query });
  const networks = await client.json<{ Id: string }[]>({ method: 'GET', path: '/networks', query });
  const volumes = await client.json<{ Volumes: { Name: string }[] | null }>({
    method: 'GET',
    path: '/volumes',
    query,
  });
  return [...containers, ...networks]
    .map(({ Id }) => Id)
    .concat((volumes.Volumes ?? []).map(({ Name }) => Name));
}

it('what a dead worker left is found by the label of its run and removed, and nothing else', async () => {
  const left = await openSandbox();
  const runName = basename(left.folder);
  const signal = new AbortController().signal;
  const network = await engine.openNetwork({ runName, signal });
  onTestFinished(() => network[Symbol.asyncDispose]());
  expect(lifeOf(left.trace)).toBe(ownLife());
  expect(isAlive(left.trace)).toBe(true);
  await client.json({
    method: 'POST',
    path: '/volumes/create',
    body: { Labels: { 'tcw.trace': left.trace } },
  });
  const output = new Log();
  await left.shell('true');
  const running = left.sandbox.run({
    argv: ['sh', '-c', 'echo ready; sleep 600'],
    env: { PATH: '/bin' },
    output,
  });
  await waitFor(() => {
    expect(output.text).toBe('ready\n');
  });

  // A sandbox of another run, and a container of no run, whose trace begins with that of the first run.
  const other = await openSandbox();
  await other.shell('true');
  const { Id: stranger } = await client.json<{ Id: string }>({
    method: 'POST',
    path: '/containers/create',
    body: { Image: image.id, Cmd: ['true'], Labels: { 'tcw.trace': `${left.trace}0`, 'tcw.run': runName } },
  });
  onTestFinished(() => client.json({ method: 'DELETE', path: `/containers/${stranger}` }));

  expect(await having(`tcw.trace=${left.trace}`)).toHaveLength(4);
  expect(await engine.endLeftovers([left.trace, `${left.trace}0`, 'tcw.trace', ''])).toBe(1);
  expect(await having(`tcw.trace=${left.trace}`)).toEqual([]);
  expect((await running).exitCode).toBe(137);
  expect(await having(`tcw.run=${runName}`)).toEqual([stranger]);
  expect(await having(`tcw.trace=${other.trace}`)).toHaveLength(1);
  expect(await engine.endLeftovers([left.trace])).toBe(0);
});
