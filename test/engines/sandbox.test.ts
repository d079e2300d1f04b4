import { once } from 'node:events';
import { tmpdir } from 'node:os';
import { PassThrough } from 'node:stream';
import { expect, it } from 'vitest';
import type { Enclosure } from '../../src/worker/engines/native/enclosure.ts';
import { Launcher, type LaunchOptions } from '../../src/worker/engines/native/launcher/launcher.ts';
import { NativeSandbox } from '../../src/worker/engines/native/sandbox.ts';
import { hostFiles } from '../../src/worker/files/host-files.ts';

it('can be closed, and its command counts as killed, even if the launcher never reports its end', async () => {
  const jobs = new PassThrough();
  const enclosure = {
    launcher: new Launcher({ jobs, report: new PassThrough() }),
    pipe: { copyTo: () => () => Promise.resolve(), close: () => undefined },
    kill: () => Promise.resolve(),
  } as unknown as Enclosure;
  const options = {
    tools: { env: 'env', shell: 'sh', nice: 'nice', perl: 'perl' },
    folder: tmpdir(),
    limits: '',
  } as unknown as LaunchOptions;
  const sandbox = new NativeSandbox(enclosure, hostFiles(tmpdir()), options);
  const result = sandbox.run({ argv: ['/bin/sh'], env: {}, output: new PassThrough() });
  while (!String(jobs.read() ?? '').includes('exec')) await once(jobs, 'readable');
  await sandbox.close();
  expect(await result).toMatchObject({ exitCode: 137 });
});
