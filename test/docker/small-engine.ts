import { execa } from 'execa';
import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { onTestFinished } from 'vitest';
import { engineAnswers } from '../harness/docker/engine-answers.ts';
import { runtimeOptions } from '../harness/docker/lab.ts';
import { PATIENCE_MS } from '../patience.ts';

/** A Docker engine of one test. */
export interface SmallEngine {
  /** As in DOCKER_HOST. */
  readonly host: string;
  /** Ends it with SIGTERM, as a service manager does. Its containers end with it. */
  stop(): Promise<void>;
  start(): Promise<void>;
}

/**
 * Starts an engine that keeps all it has on a disk of so many bytes, beside the engine of the tests, and without networks. Both
 * end with the test.
 */
export async function smallEngine(bytes: number): Promise<SmallEngine> {
  const folder = await mkdtemp(join(tmpdir(), 'tcw-small-'));
  const host = `unix://${folder}/docker.sock`;
  await execa('mount', ['-t', 'tmpfs', '-o', `size=${bytes}`, 'tcw-test', folder]);
  await writeFile(join(folder, 'daemon.json'), '{}');
  let child: ChildProcess | undefined;
  const start = async () => {
    child = spawn(
      // An engine without a bridge takes away the one that it finds.
      'unshare',
      [
        ...['--net', 'dockerd'],
        ...['--config-file', join(folder, 'daemon.json'), '--data-root', join(folder, 'data')],
        ...['--exec-root', join(folder, 'exec'), '--pidfile', join(folder, 'dockerd.pid'), '--host', host],
        ...['--bridge', 'none', '--iptables=false', '--exec-opt', 'native.cgroupdriver=cgroupfs'],
        ...runtimeOptions(),
      ],
      { stdio: 'ignore' },
    );
    await engineAnswers(host, AbortSignal.timeout(PATIENCE_MS));
  };
  const stop = async () => {
    if (child?.exitCode !== null || child.signalCode !== null) return;
    const exited = once(child, 'exit');
    child.kill('SIGTERM');
    await exited;
  };
  onTestFinished(async () => {
    await stop();
    // Lazily: what mounted something below it may have died.
    await execa('umount', ['--lazy', folder]);
    await rm(folder, { recursive: true });
  });
  await start();
  return { host, stop, start };
}
