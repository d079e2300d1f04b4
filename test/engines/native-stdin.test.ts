import { createHash } from 'node:crypto';
import { symlink } from 'node:fs/promises';
import path from 'node:path';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { nativeEngine } from '../../src/worker/engines/native/index.ts';
import {
  alive,
  engines,
  findProgram,
  Log,
  newFolder,
  newMarker,
  openSandbox,
  PATH,
} from './native-fixtures.ts';

const env = { PATH };
const shells = ['dash', 'bash', 'busybox'].filter(name => findProgram(name) !== undefined);

describe.each(engines)('the standard input of a command ($containment)', engine => {
  it('may be any text, unchanged', async () => {
    const { sandbox } = await openSandbox(engine);
    const texts = fc.oneof(
      fc.string({ unit: 'binary', maxLength: 200 }),
      fc.string({ unit: fc.constantFrom(...`'"\\$\`\n\0 \t!%EOF;&|(){}ü`), maxLength: 50 }),
    );
    await fc.assert(
      fc.asyncProperty(texts, async stdin => {
        const output = new Log();
        await sandbox.run({ argv: ['cat'], env, output, stdin });
        expect(output.bytes).toEqual(Buffer.from(stdin));
      }),
      { numRuns: 40 },
    );
  });

  it.each(shells)('is read completely by %s, however long it is', async name => {
    const folder = await newFolder();
    await symlink(findProgram(name) ?? '', path.join(folder, 'sh'));
    const own = await nativeEngine({ containment: engine.containment, shell: path.join(folder, 'sh') });
    const { sandbox } = await openSandbox(own);
    const stdin = "a line with 'quotes'\n".repeat(200_000);
    const output = new Log();
    await sandbox.run({ argv: ['sha256sum'], env, output, stdin });
    expect(output.text.slice(0, 64)).toBe(createHash('sha256').update(stdin).digest('hex'));
  });

  it('has an end, even if the command starts before it is written', async () => {
    const { sandbox } = await openSandbox(engine);
    const output = new Log();
    const argv = ['sh', '-c', 'sleep 0.3; cat | wc -c'];
    await sandbox.run({ argv, env, output, stdin: 'x'.repeat(300_000) });
    expect(output.text.trim()).toBe('300000');
  });

  it('leaves no writer behind if it is not read', async () => {
    const { sandbox, shell } = await openSandbox(engine);
    const stdin = newMarker().repeat(100_000);
    const { exitCode } = await sandbox.run({ argv: ['true'], env, output: new Log(), stdin });
    expect(exitCode).toBe(0);
    await expect.poll(async () => (await shell('exit 0')) && (await sandbox.usage?.())?.processes).toBe(0);
  });

  it('does not appear in arguments that others can see', async () => {
    const { sandbox } = await openSandbox(engine);
    const marker = newMarker();
    const output = new Log();
    const argv = ['sh', '-c', 'echo started; sleep 1; cat >/dev/null'];
    const running = sandbox.run({ argv, env, output, stdin: `${marker} ${'x'.repeat(200_000)}` });
    await expect.poll(() => output.text).toBe('started\n');
    expect(await alive(marker)).toEqual([]);
    await running;
  });

  it.runIf(process.platform === 'linux')(
    'is the only input besides which the command gets its output',
    async () => {
      const { sandbox } = await openSandbox(engine);
      const output = new Log();
      // The last descriptor is that of the listed folder itself.
      const argv = ['sh', '-c', 'cat >/dev/null; ls /proc/self/fd'];
      await sandbox.run({ argv, env, output, stdin: 'text' });
      expect(output.text.trim().split(/\s+/)).toEqual(['0', '1', '2', '3']);
    },
  );
});

describe.each(engines)('standard error with an output of its own ($containment)', ({ containment }) => {
  it('is complete and separate, and slows the command down', async () => {
    const engine = await nativeEngine({ containment, separateErrors: true });
    const { sandbox } = await openSandbox(engine);
    const [output, errors] = [new Log(), new Log()];
    const line = 'head -c 1000000 /dev/zero; head -c 2000000 /dev/zero >&2; echo end >/dev/stderr; exit 3';
    const { exitCode } = await sandbox.run({ argv: ['sh', '-c', line], env, output, errors });
    expect([exitCode, output.bytes.length, errors.bytes.length]).toEqual([3, 1_000_000, 2_000_004]);
    await sandbox.run({ argv: ['sh', '-c', 'echo next >&2; ls /proc/self/fd'], env, output: errors });
    expect(errors.text.slice(2_000_004).split('\n').sort()).toEqual(['', '0', '1', '2', '3', 'next']);
  });
});
