import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it, onTestFinished } from 'vitest';
import { tcw } from './tcw.ts';

it.each(['tasksDir', 'cachesDir', 'downloadsDir'])(
  'a file in place of %s ends tcw run with 73',
  async property => {
    const folder = mkdtempSync(join(tmpdir(), 'tcw-unusable-'));
    onTestFinished(() => {
      rmSync(folder, { recursive: true });
    });
    const config = join(folder, 'worker.json');
    const file = join(folder, 'file');
    writeFileSync(file, '');
    const given = { rootURL: 'http://127.0.0.1:1', clientId: 'c', workerType: 'w', workerId: 'w' };
    writeFileSync(config, JSON.stringify({ ...given, tasksDir: join(folder, 'tasks'), [property]: file }));
    const { exitCode, stderr } = await tcw(['run', '-c', config], { environment: { TCW_ACCESS_TOKEN: 'x' } });
    expect(exitCode).toBe(73);
    expect(stderr.trimEnd().split('\n').at(-1)).toMatch(
      new RegExp(`^tcw: ${property}: cannot use "${file}" \\(E\\w+: [^)]+\\)\\. Name another folder`),
    );
  },
);
