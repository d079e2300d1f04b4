import { createHash } from 'node:crypto';
import { readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import { Secret } from '../../src/pulse/index.ts';
import { openTaskLog } from '../../src/worker/task-log/task-log.ts';
import {
  alive,
  engines,
  newFolder,
  newMarker,
  openSandbox,
  PATH,
  sleeping,
} from '../engines/native-fixtures.ts';

/** A sandbox whose commands print to a real log. */
async function start(engine: (typeof engines)[number]) {
  const { sandbox, folder } = await openSandbox(engine);
  const place = await newFolder();
  const secrets = [new Secret('token-token-token')];
  const log = await openTaskLog({ folders: [place], name: 'task.log', secrets: () => secrets });
  onTestFinished(async () => {
    await log.end();
    await log.remove();
  });
  return {
    sandbox,
    folder,
    run: (argv: readonly string[]) => sandbox.run({ argv, env: { PATH }, output: log.output }),
    written: async () => {
      await log.end();
      return readFile(log.file);
    },
  };
}

describe.each(engines)('what a command prints is in the log ($containment)', engine => {
  it('even if it is 100,000 lines in one write', async () => {
    const { run, written } = await start(engine);
    const program = `
      const lines = Array.from({ length: 100_000 }, (_, line) => 'line ' + line + ' token-token-token\\n');
      const bytes = Buffer.from(lines.join(''));
      if (require('node:fs').writeSync(1, bytes) !== bytes.length) process.exit(1);`;
    expect(await run([process.execPath, '-e', program])).toMatchObject({ exitCode: 0 });
    const lines = Array.from({ length: 100_000 }, (_, line) => `line ${line} [redacted]\n`);
    expect((await written()).equals(Buffer.from(lines.join('')))).toBe(true);
  });

  it('unchanged byte for byte, even if it is binary and long', async () => {
    const { run, written, folder } = await start(engine);
    const program = `
      const { createHash, randomBytes } = require('node:crypto');
      const { writeFileSync, writeSync } = require('node:fs');
      const hash = createHash('sha256');
      for (let part = 0; part < 300; part++) {
        const bytes = randomBytes(1 + Math.floor(Math.random() * 200_000));
        hash.update(bytes);
        for (let at = 0; at < bytes.length; ) at += writeSync(1 + (part % 2), bytes, at);
      }
      writeFileSync('hash', hash.digest('hex'));`;
    expect(await run([process.execPath, '-e', program])).toMatchObject({ exitCode: 0 });
    const hash = createHash('sha256').update(await written());
    expect(hash.digest('hex')).toBe(await readFile(path.join(folder, 'hash'), 'latin1'));
  });

  it('up to its last byte, even if the command ends while a background child holds its output open', async () => {
    const { run, written, sandbox, folder } = await start(engine);
    const marker = newMarker();
    const bytes = Buffer.from(Array.from({ length: 3_000_000 }, (_, at) => (at * 7 + (at >> 8)) & 0xff));
    await writeFile(path.join(folder, 'bytes'), bytes);
    const line = `sleep ${marker} & (setsid sleep ${marker} &); cat bytes`;
    expect(await run(['sh', '-c', line])).toMatchObject({ exitCode: 0 });
    await sleeping(marker, 2);
    const text = await written();
    expect(text.equals(bytes)).toBe(true);
    await sandbox.close();
    expect(await alive(marker)).toEqual([]);
  });
});
