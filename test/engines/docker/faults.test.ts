import { describe, expect, it, onTestFinished } from 'vitest';
import { dockerEngine } from '../../../src/worker/engines/docker/index.ts';
import { runFolderAt } from '../../run-folder-at.ts';
import { waitFor } from '../../wait-for.ts';
import { Log, newFolder } from '../native-fixtures.ts';
import { faultEngine } from './fault-engine.ts';
import { client, image } from './fixtures.ts';

/** Long enough for a working engine on a busy machine, and short enough to wait for one that fails. */
const TIMING = { beatMs: 500, answerMs: 5_000, endMs: 5_000, startMs: 5_000 };

/** A sandbox on an engine that can fail. Its command runs until it is ended. */
async function running() {
  const faults = await faultEngine();
  const engine = await dockerEngine({ host: faults.host, timing: TIMING });
  const sandbox = await engine.open({
    home: runFolderAt(await newFolder()),
    container: { image: image.id, tty: false },
  });
  onTestFinished(async () => {
    faults.recover();
    await sandbox.remove();
    await engine.close();
  });
  const output = new Log();
  const command = sandbox.run({ argv: ['sh', '-c', 'echo ready; sleep 600'], env: { PATH: '/bin' }, output });
  command.catch(() => undefined);
  await waitFor(() => {
    expect(output.text).toBe('ready\n');
  });
  return { faults, sandbox, command };
}

describe('a run whose engine', () => {
  it('hangs ends with an error, and its container is ended when the engine is back', async () => {
    const { faults, sandbox, command } = await running();
    faults.hang();
    await expect(command).rejects.toThrow(/has not answered/);
    await expect(sandbox.close()).rejects.toThrow(
      /The container [0-9a-f]{12} could not be ended: .* has not answered/,
    );
    faults.recover();
    await sandbox.close();
    await sandbox.remove();
  });

  it('is killed ends with an error, and its container is ended when the engine is back', async () => {
    const { faults, sandbox, command } = await running();
    faults.die();
    await expect(command).rejects.toThrow(/has not answered/);
    await expect(sandbox.stop(1_000)).rejects.toThrow(/The container [0-9a-f]{12} could not be ended/);
    await expect(sandbox.remove()).rejects.toThrow('could not be ended');
    faults.recover();
    await sandbox.remove();
  });

  it('hangs during a stop does not wait for it', async () => {
    const { faults, sandbox, command } = await running();
    faults.hang();
    await expect(sandbox.stop(100)).rejects.toThrow('could not be ended');
    await command.catch(() => undefined);
  });

  it('has its container removed by somebody else ends, too', async () => {
    const { sandbox, command } = await running();
    const [found] = await client.json<{ Id: string }[]>({
      method: 'GET',
      path: '/containers/json',
      query: { filters: JSON.stringify({ ancestor: [image.id], status: ['running'] }) },
    });
    await client.json({ method: 'DELETE', path: `/containers/${found?.Id}`, query: { force: true } });
    await command.catch(() => undefined);
    await sandbox.close();
    await sandbox.remove();
  });
});

it('an engine is also reachable over TCP', async () => {
  const { host } = await faultEngine('tcp');
  const engine = await dockerEngine({ host });
  const sandbox = await engine.open({
    home: runFolderAt(await newFolder()),
    container: { image: image.id, tty: false },
  });
  onTestFinished(async () => {
    await sandbox.remove();
    await engine.close();
  });
  const output = new Log();
  const { exitCode } = await sandbox.run({
    argv: ['cat'],
    env: { PATH: '/bin' },
    output,
    stdin: 'through TCP',
  });
  expect([exitCode, output.text]).toEqual([0, 'through TCP']);
  // The engine's control groups may be on another machine. Then the engine reports the usage.
  expect(await sandbox.usage()).toMatchObject({ processes: 0 });
});
