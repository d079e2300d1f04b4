import { access, chmod, mkdtemp, readFile, readdir, readlink, rm, symlink } from 'node:fs/promises';
import { randomInt } from 'node:crypto';
import { accessSync, constants } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { Writable } from 'node:stream';
import { execa } from 'execa';
import { expect, onTestFinished } from 'vitest';
import type { CommandResult, Sandbox } from '../../src/worker/engines/engine.ts';
import { nativeEngine, type NativeEngine } from '../../src/worker/engines/native/index.ts';
import { waitFor } from '../wait-for.ts';
import { runFolderAt } from '../run-folder-at.ts';

/** An engine for each containment that this machine allows. */
export const engines = (
  await Promise.all(
    (['pid-namespace', 'process-group'] as const).map(containment =>
      nativeEngine({ containment }).then(
        engine => [engine],
        () => [],
      ),
    ),
  )
).flat();

export const PATH = '/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin';

/** A unique argument for a test's processes. It is also a number of seconds for `sleep`. */
export const newMarker = () => `9${randomInt(1e8, 1e9)}`;

/** The living processes with a marker in their arguments: pid and arguments. */
export async function alive(marker: string): Promise<string[]> {
  if (process.platform !== 'linux') {
    const { stdout } = await execa('ps', ['-A', '-o', 'stat=', '-o', 'pid=', '-o', 'args=']);
    const lines = stdout.split('\n').filter(line => line.includes(marker) && !line.trim().startsWith('Z'));
    return lines.map(line => line.trim().replace(/^\S+\s+/, ''));
  }
  const found: string[] = [];
  for (const pid of await readdir('/proc')) {
    if (!/^\d+$/.test(pid)) continue;
    // A zombie has no arguments.
    const words = await readFile(`/proc/${pid}/cmdline`, 'latin1').catch(() => '');
    if (words.includes(marker)) found.push(`${pid} ${words.replaceAll('\0', ' ').trim()}`);
  }
  return found;
}

/** Waits until this many processes run `sleep` with the marker. */
export async function sleeping(marker: string, count: number): Promise<void> {
  await waitFor(async () => {
    const sleepers = (await alive(marker)).filter(line => /^\d+ sleep \d+$/.test(line));
    expect(sleepers).toHaveLength(count);
  });
}

/** Prefix for a shell line that signals every process. It makes sure that the line is in another PID namespace. */
export async function insideOnly(): Promise<string> {
  const ours = await readlink('/proc/self/ns/pid');
  return `theirs=$(readlink /proc/self/ns/pid) && [ -n "$theirs" ] && [ "$theirs" != '${ours}' ] || exit 99;`;
}

/** Waits until a file exists. */
export async function appearing(file: string): Promise<void> {
  await waitFor(() => access(file));
}

/** Makes a folder that is open to everybody, and removed when the test has ended. */
export async function newFolder(within = tmpdir()): Promise<string> {
  const folder = await mkdtemp(path.join(within, 'tcw-test-'));
  onTestFinished(() => rm(folder, { recursive: true, force: true }));
  await chmod(folder, 0o777);
  return folder;
}

/** An output that keeps everything. */
export class Log extends Writable {
  readonly chunks: Buffer[] = [];

  override _write(chunk: Buffer, _encoding: string, done: () => void): void {
    // The chunk's memory is reused.
    this.chunks.push(Buffer.from(chunk));
    done();
  }

  get bytes(): Buffer {
    return Buffer.concat(this.chunks);
  }

  get text(): string {
    return this.bytes.toString();
  }
}

export interface OpenSandbox {
  readonly sandbox: Sandbox;
  readonly folder: string;
  /** Runs a line of shell. Its output goes to `log`. Default: a new log. */
  readonly shell: (line: string, log?: Log) => Promise<CommandResult & { readonly log: Log }>;
}

/** Opens a sandbox in its own folder. It is closed when the test has ended. */
export async function openSandbox(engine: NativeEngine): Promise<OpenSandbox> {
  const folder = await newFolder();
  const sandbox = await engine.open({ home: runFolderAt(folder) });
  onTestFinished(() => sandbox.close());
  const shell = async (line: string, log = new Log()) => {
    const result = await sandbox.run({ argv: ['sh', '-c', line], env: { PATH }, output: log });
    return { ...result, log };
  };
  return { sandbox, folder, shell };
}

export function findProgram(name: string): string | undefined {
  return (process.env.PATH ?? '')
    .split(':')
    .map(folder => path.join(folder, name))
    .find(file => {
      try {
        accessSync(file, constants.X_OK);
        return true;
      } catch {
        return false;
      }
    });
}

/** A search path with only these programs. */
export async function searchPathOf(...names: string[]): Promise<string> {
  const folder = await newFolder();
  for (const name of names) await symlink(findProgram(name) ?? `/nowhere/${name}`, path.join(folder, name));
  return folder;
}
