import { randomInt } from 'node:crypto';
import { chmodSync, mkdtempSync, rmSync } from 'node:fs';
import { mkdtemp } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll } from 'vitest';
import { userEngine, type UserEngine, type UserEngineOptions } from '../../src/worker/engines/user/index.ts';

/** Whether the test may make users. */
export const canBeUsers = process.platform === 'linux' && process.getuid?.() === 0;

/** Numbers that no worker on the machine of a test uses by default, and no other test at the same time. */
export function someUserIds(): string {
  const first = 1_000_000 + 1_000 * randomInt(1_000);
  return `${first}-${first + 999}`;
}

const engines: UserEngine[] = [];
const folders: string[] = [];
// Of the file that imports this one: within a test or a hook, nothing more can be asked for.
afterAll(async () => {
  for (const engine of engines.splice(0)) await engine.close?.();
  for (const folder of folders.splice(0)) rmSync(folder, { recursive: true, force: true });
});

/** A folder that users of tasks can get through, removed when the tests of the file have ended. */
export function openFolder(within = tmpdir()): string {
  const folder = mkdtempSync(path.join(within, 'tcw-test-users-'));
  chmodSync(folder, 0o755);
  folders.push(folder);
  return folder;
}

/** An engine in a folder of its own, until the tests of the file have ended. */
export async function usersOwn(
  options: Partial<UserEngineOptions> = {},
): Promise<{ readonly engine: UserEngine; readonly tasksDir: string }> {
  const tasksDir = await mkdtemp(path.join(tmpdir(), 'tcw-test-users-'));
  const engine = await userEngine({ tasksDir, userIds: someUserIds(), ...options });
  engines.push(engine);
  folders.push(tasksDir);
  return { engine, tasksDir };
}
