import { existsSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { standaloneHost } from '../../src/pool/index.ts';
import { workerConfig } from '../worker/unit/worker-config.ts';

const ON = { shutdownMachineOnIdle: true, shutdownMachineOnInternalError: true };

describe('a worker without worker-manager and worker-runner', () => {
  let folder: string;
  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'tcw-alone-'));
  });
  afterEach(async () => {
    vi.restoreAllMocks();
    await rm(folder, { recursive: true, force: true });
  });

  it.each<[exitCode: number, config: object, isShutDown: boolean]>([
    [0, ON, false],
    [67, ON, false],
    [68, ON, true],
    [68, {}, false],
    [69, ON, true],
    [69, {}, false],
    [70, {}, true],
    [71, ON, false],
    [72, ON, false],
    [73, ON, false],
  ])('that exits with %i and %j shuts the machine down: %s', async (exitCode, config, isShutDown) => {
    const proof = join(folder, 'proof');
    const host = standaloneHost(
      workerConfig({ ...config, shutdownMachineCommand: ['touch', proof] }),
      () => undefined,
    );
    await host.ended(exitCode);
    expect(existsSync(proof)).toBe(isShutDown);
  });

  it.each([
    [['/nowhere/shutdown'], /ENOENT/],
    [['sh', '-c', 'echo "not you" >&2; exit 1'], /exit code 1.*: not you/],
  ])('reports why %j cannot shut the machine down', async (shutdownMachineCommand, problem) => {
    const notes: unknown[] = [];
    const host = standaloneHost(workerConfig({ shutdownMachineCommand }), (...note) => notes.push(note));
    await host.ended(70);
    expect(notes).toEqual([
      ['info', 'shutting the machine down', { exitCode: 70 }],
      [
        'error',
        expect.stringMatching(/^the machine could not be shut down/),
        { problem: expect.stringMatching(problem) as unknown },
      ],
    ]);
  });

  it.each<[uid: number, config: object, warnings: number]>([
    [0, ON, 0],
    [1_000, {}, 0],
    [1_000, ON, 1],
    [1_000, { ...ON, shutdownMachineCommand: ['sudo', 'poweroff'] }, 0],
  ])('as user %i with %j logs this number of warnings at its start: %i', (uid, config, warnings) => {
    vi.spyOn(process as { getuid(): number }, 'getuid').mockReturnValue(uid);
    const note = vi.fn();
    standaloneHost(workerConfig(config), note);
    expect(note).toHaveBeenCalledTimes(warnings);
    for (const [level] of note.mock.calls) expect(level).toBe('warn');
  });
});
