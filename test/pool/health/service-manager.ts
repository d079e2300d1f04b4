import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { onTestFinished } from 'vitest';
import { compile } from '../../harness/compile.ts';

/** Whether this machine has the program that tells systemd. */
export const hasProgram = ['/usr/bin/systemd-notify', '/bin/systemd-notify'].some(path => existsSync(path));

/** Takes the place of systemd: a socket, and what came over it. */
export async function serviceManager() {
  const folder = await mkdtemp(join(tmpdir(), 'tcw-notify-'));
  onTestFinished(() => rm(folder, { recursive: true, force: true }));
  const socket = join(folder, 'notify');
  const program = join(folder, 'datagrams');
  await compile(new URL('datagrams.c', import.meta.url), program);
  const child = spawn(program, [socket], { stdio: ['ignore', 'pipe', 'inherit'] });
  onTestFinished(() => void child.kill());
  let text = '';
  child.stdout.on('data', (chunk: Buffer) => (text += chunk.toString()));
  await once(child.stdout, 'data');
  return { socket, lines: () => text.split('\n').filter(line => line !== '' && line !== 'listening') };
}
