import { PassThrough, Readable } from 'node:stream';
import { describe, expect, it } from 'vitest';
import { Launcher } from '../../src/worker/engines/native/launcher/launcher.ts';
import { findTools } from '../../src/worker/engines/native/launcher/tools.ts';
import { Log, PATH } from './native-fixtures.ts';

const command = { argv: ['true'], env: { PATH }, output: new Log() };
const options = { tools: findTools('/bin/sh', PATH), folder: '/', limits: '' };

describe('a worker whose task writes the report of its own command', () => {
  it('does not buffer a report that never ends', async () => {
    let read = 0;
    const report = new Readable({
      read() {
        read += 4_000;
        this.push('lie '.repeat(1_000));
      },
    });
    const launcher = new Launcher({ jobs: new PassThrough().resume(), report });
    const { inside, ended } = launcher.launch(command, options);
    await expect(ended).rejects.toThrow('A command could not enter its sandbox');
    await inside;
    expect(report.destroyed).toBe(true);
    expect(read).toBeLessThan(1_000_000);
  });
});
