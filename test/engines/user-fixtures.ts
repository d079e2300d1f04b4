import { randomInt } from 'node:crypto';
import { chmodSync, mkdtempSync, rmSync } from 'node:fs';
import { mkdtemp } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll } from 'vitest';
import { userEngine, type UserEngine, type UserEngineOptions } from '../../src/worker/engines/user/index.ts';

/** Whether the test may create users. */
export const canBeUsers = process.platform === 'linux' && process.getuid?.() === 0;

/** A range of user numbers that neither a worker uses by default nor another test at the same time. */
export function someUserIds(): string {
  const first = 1_000_000 + 1_000 * randomInt(1_000);
  return `${first}-${first + 999}`;
}

const engines: UserEngine[] = [];
const folders: string[] = [];
// Registers a hook for the file that imports this one. Tests and hooks cannot register hooks themselves.
afterAll(async () => {
  for (const engine of engines.splice(0)) await engine.close?.();
  for (const folder of folders.splice(0)) rmSync(folder, { recursive: true, force: true });
});

/** A folder that tasks' users can pass through. It is removed after the tests of the file. */
export function openFolder(within = tmpdir()): string {
  const folder = mkdtempSync(path.join(within, 'tcw-test-users-'));
  chmodSync(folder, 0o755);
  folders.push(folder);
  return folder;
}

/** An engine in its own folder, until the tests of the file have ended. */
export async function usersOwn(
  options: Partial<UserEngineOptions> = {},
): Promise<{ readonly engine: UserEngine; readonly tasksDir: string }> {
  const tasksDir = await mkdtemp(path.join(tmpdir(), 'tcw-test-users-'));
  const engine = await userEngine({ tasksDir, userIds: someUserIds(), ...options });
  engines.push(engine);
  folders.push(tasksDir);
  return { engine, tasksDir };
}
