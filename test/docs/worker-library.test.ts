import { execa } from 'execa';
import { mkdtempSync, readFileSync, realpathSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it, onTestFinished, vi } from 'vitest';
import { PATIENCE_MS } from '../patience.ts';
import { deployment } from '../worker/deployment.ts';
import { programsOf } from './programs.ts';

const root = fileURLToPath(new URL('../../', import.meta.url));
const page = readFileSync(join(root, 'docs/worker-library.md'), 'utf8');
const [program] = programsOf(page);

let folder: string;
beforeAll(() => {
  folder = realpathSync(mkdtempSync(join(tmpdir(), 'tcw-library-')));
  symlinkSync(join(root, 'node_modules'), join(folder, 'node_modules'));
  writeFileSync(join(folder, 'package.json'), '{ "type": "module" }');
  writeFileSync(join(folder, 'worker.ts'), program?.code ?? '');
});
afterAll(() => {
  rmSync(folder, { recursive: true });
});

describe('the worker of docs/worker-library.md', () => {
  it('type-checks', async () => {
    const config = { extends: join(root, 'tsconfig.json'), include: ['*.ts', join(root, 'src/**/*.d.ts')] };
    writeFileSync(join(folder, 'tsconfig.json'), JSON.stringify(config));
    const tsc = ['--noEmit', '-p', folder];
    const { all } = await execa('tsc', tsc, { preferLocal: true, localDir: root, all: true, reject: false });
    expect(all).toBe('');
  });

  it('has 20 lines without its imports', () => {
    const lines = program?.code.split('\n').filter(line => line !== '' && !line.startsWith('import '));
    expect(lines?.length).toBeLessThanOrEqual(20);
  });

  it('runs a task, and ends when it is drained', async () => {
    const here = await deployment();
    onTestFinished(() => here.close());
    const [, taskId] = /^(\S{22}) claimed$/m.exec(program?.output ?? '') ?? [];
    const payload = { command: [['echo', 'from a program']] };
    await here.createTask(payload, { taskQueueId: 'proj-example/linux' }, taskId);

    const worker = execa('node', ['--import', join(root, 'test/docs/tcw-from-source.ts'), 'worker.ts'], {
      cwd: folder,
      preferLocal: true,
      localDir: root,
      env: here.userEnvironment,
      timeout: 2 * PATIENCE_MS,
      reject: false,
    });
    let printed = '';
    worker.stdout.on('data', (chunk: Buffer) => (printed += chunk.toString()));
    await vi.waitUntil(() => printed.includes(' resolved\n'), { timeout: PATIENCE_MS });
    worker.kill('SIGINT');
    const { exitCode, stdout, stderr } = await worker;
    expect(stderr).toBe('');
    expect(`${stdout}\n`).toBe(program?.output);
    expect(exitCode).toBe(0);
    expect(await here.log(taskId ?? '')).toContain('\nfrom a program\n');
  });
});
