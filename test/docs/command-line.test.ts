import { mkdtempSync, readFileSync, realpathSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { delimiter, dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, expect, inject, it, vi } from 'vitest';
import { connect, namedQueue } from '../../src/pulse/index.ts';
import { run, transcriptsOf, withoutChance } from './transcripts.ts';
import { PATIENCE_MS } from '../patience.ts';

const root = fileURLToPath(new URL('../../', import.meta.url));
const url = inject('pulseUrl');
const user = new URL(url).username;
const page = readFileSync(join(root, 'docs/pulse/command-line.md'), 'utf8').replaceAll(
  /\b(exchange|queue)\/me\//g,
  `$1/${user}/`,
);
const transcripts = transcriptsOf(page);

let folder: string;
beforeAll(async () => {
  await removeQueue();
  folder = realpathSync(mkdtempSync(join(tmpdir(), 'tcw-transcript-')));
  const tcw = `"${process.execPath}" "${inject('program')}" "$@"`;
  writeFileSync(
    join(folder, 'tcw'),
    `#!/bin/sh\ncase "$2" in exchanges) exec ${tcw};; *) exec ${tcw} -s "$BROKER";; esac\n`,
    { mode: 0o700 },
  );
});
afterAll(async () => {
  rmSync(folder, { recursive: true });
  await removeQueue();
});

it('the page shows every command, and each form of listening', () => {
  const commands = transcripts.flatMap(({ commands }) => commands.map(({ command }) => command)).join('\n');
  const shown = ['listen', 'publish', 'queue inspect', 'queue bindings', 'queue delete', 'exchanges'];
  for (const command of shown) expect(commands).toContain(`tcw pulse ${command} `);
  for (const option of ['--pretty', '--filter', '--exec', '--queue', '--count', '--lines']) {
    expect(commands).toContain(` ${option}`);
  }
});

it('each command prints the output in its transcript', async () => {
  const home = dirname(process.execPath);
  const env = { PATH: [folder, home, process.env.PATH].join(delimiter), HOME: folder, BROKER: url };
  const expected: string[] = [];
  const printed: Promise<string>[] = [];
  for (const [n, { commands }] of transcripts.entries()) {
    const another = transcripts[n + 1]?.meanwhile === true;
    for (const [m, { command, output }] of commands.entries()) {
      const running = run(command, folder, env);
      expected.push(`$ ${command}\n${output}`);
      printed.push(running.printed.then(all => `$ ${command}\n${all}`));
      if (another && m === commands.length - 1) {
        await vi.waitUntil(() => running.said('tcw: listening to '), { timeout: PATIENCE_MS });
      } else await running.printed;
    }
    if (!another) await Promise.all(printed);
  }
  expect(withoutChance((await Promise.all(printed)).join(''))).toBe(withoutChance(expected.join('')));
});

/** The broker may be one that stays. */
async function removeQueue(): Promise<void> {
  const pulse = connect({ url });
  await pulse.queue(namedQueue('things/v1', { maxLength: 1 })).delete();
  await pulse.close();
}
