import { mkdtempSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { onTestFinished } from 'vitest';

const MEMORY = '/dev/shm';

/** Whether this machine has a second file system that tests can write to. */
export const otherDevices = (() => {
  try {
    const probe = mkdtempSync(join(MEMORY, 'tcw-probe-'));
    rmSync(probe, { recursive: true });
    return statSync(MEMORY).dev !== statSync(tmpdir()).dev;
  } catch {
    return false;
  }
})();

/** Makes a folder on another file system than the other folders of a test. It is removed after the test. */
export function folderOnOtherDevice(): string {
  const made = mkdtempSync(join(MEMORY, 'tcw-stores-'));
  onTestFinished(() => {
    rmSync(made, { recursive: true, force: true });
  });
  return made;
}
