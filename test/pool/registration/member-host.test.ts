import { expect, it } from 'vitest';
import { EXIT_CODES } from '../../../src/cli/words/exit-codes.ts';
import { becomeMember, memberHost } from '../../../src/pool/registration/index.ts';
import { TASK_QUEUE_ID } from '../../local/queue-under-test.ts';
import { workerConfig } from '../../worker/unit/worker-config.ts';
import { asMachine, asStatic, notes } from './joining.ts';
import { poolUnderTest } from './pool-under-test.ts';

const { signal } = new AbortController();
/** A command that would leave a trace if the worker shut the machine down. */
const config = workerConfig({ shutdownMachineCommand: ['/bin/false'] });
const SHUTTING_DOWN = 'shutting the machine down';

const over = [
  EXIT_CODES.tasksComplete.code,
  EXIT_CODES.workerManagerShutdown.code,
  EXIT_CODES.invalidConfig.code,
  EXIT_CODES.noSigningKey.code,
];
const mayGoOn = [
  EXIT_CODES.idleTimeout.code,
  EXIT_CODES.internalError.code,
  EXIT_CODES.workerStopped.code,
  EXIT_CODES.workerShutdown.code,
];

it.each(over)('a cloud machine removes itself after exit code %d', async exitCode => {
  await using pool = await poolUnderTest();
  await using metadata = await pool.machine();
  const { note, messages } = notes();
  await using member = await becomeMember(asMachine(pool, metadata.url, note), signal);
  await memberHost(member, config, note).ended(exitCode);
  expect(await pool.manager.workerPool(TASK_QUEUE_ID)).toMatchObject({ runningCount: 0, stoppingCount: 1 });
  expect(messages()).not.toContain(SHUTTING_DOWN);
});

it.each(mayGoOn)('a cloud machine is kept after exit code %d', async exitCode => {
  await using pool = await poolUnderTest();
  await using metadata = await pool.machine();
  const { note, messages } = notes();
  await using member = await becomeMember(asMachine(pool, metadata.url, note), signal);
  await memberHost(member, config, note).ended(exitCode);
  expect(await pool.manager.workerPool(TASK_QUEUE_ID)).toMatchObject({ runningCount: 1, stoppingCount: 0 });
  expect(messages()).not.toContain(SHUTTING_DOWN);
});

it('a cloud machine that worker-manager does not remove is shut down', async () => {
  await using pool = await poolUnderTest();
  await using metadata = await pool.machine();
  const { note, messages } = notes();
  await using member = await becomeMember(asMachine(pool, metadata.url, note), signal);
  await pool.proxy.close();
  await memberHost(member, config, note).ended(EXIT_CODES.invalidConfig.code);
  expect(messages()).toContain(SHUTTING_DOWN);
});

it.each([EXIT_CODES.invalidConfig.code, EXIT_CODES.noSigningKey.code])(
  'a static worker is never removed, not even after exit code %d',
  async exitCode => {
    await using pool = await poolUnderTest();
    await pool.static();
    const { note, messages } = notes();
    await using member = await becomeMember(asStatic(pool, note), signal);
    await memberHost(member, config, note).ended(exitCode);
    expect(await pool.manager.workerPool(TASK_QUEUE_ID)).toMatchObject({ stoppingCount: 0 });
    expect(messages()).not.toContain(SHUTTING_DOWN);
  },
);
