import { execa } from 'execa';
import {
  globSync,
  mkdtempSync,
  readFileSync,
  realpathSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, inject, it } from 'vitest';
import { connect, namedQueue } from '../../src/pulse/index.ts';
import { programsOf } from './programs.ts';
import { exchangesPage, streamsPage } from './queue-messages.ts';
import { taskFailed } from './task-failed.ts';
import { PATIENCE_MS, TEST_MS } from '../patience.ts';

const root = fileURLToPath(new URL('../../', import.meta.url));
const { username: user, password } = new URL(inject('pulseUrl'));
const bare = new URL(inject('pulseUrl'));
bare.username = bare.password = '';

// `me` is the reader, and the user of the tests does what a reader does: puts his own name there.
const asUser = (text: string) => text.replaceAll(/\b(exchange|queue)\/me\//g, `$1/${user}/`);

const pages = [
  'README.md',
  'docs/exchanges.md',
  'docs/streams.md',
  ...globSync('docs/pulse/*.md', { cwd: root }).sort(),
];
const programs = pages.flatMap(page =>
  programsOf(readFileSync(join(root, page), 'utf8')).map(({ code, output, inOrder }, i) => ({
    page,
    file: `${page.replaceAll(/\W/g, '-')}-${i + 1}.ts`,
    code: asUser(code),
    output: output && asUser(output),
    inOrder,
  })),
);

let folder: string;
beforeAll(() => {
  folder = realpathSync(mkdtempSync(join(tmpdir(), 'tcw-docs-')));
  symlinkSync(join(root, 'node_modules'), join(folder, 'node_modules'));
  writeFileSync(join(folder, 'package.json'), '{ "type": "module" }');
  for (const { file, code } of programs) writeFileSync(join(folder, file), code);
});
afterAll(() => {
  rmSync(folder, { recursive: true });
});

/** What others do while a program runs that listens to somebody else's exchange, by its page or its file. */
const others: Readonly<Record<string, { before: () => Promise<void>; meanwhile: () => Promise<void> }>> = {
  'README.md': taskFailed,
  'docs/exchanges.md': exchangesPage,
  // The other programs of the page consume nothing, and their messages would reach this one.
  'docs-streams-md-1.ts': streamsPage,
};

describe('the programs of the documents', () => {
  it('exist', () => {
    const known = ['quick-start', 'consuming', 'publishing', 'failures', 'testing', 'migrating'];
    const expected = [
      'README.md',
      'docs/exchanges.md',
      'docs/streams.md',
      ...known.map(name => `docs/pulse/${name}.md`),
    ];
    expect(programs.map(({ page }) => page)).toEqual(expect.arrayContaining(expected));
  });

  it('type-check', async () => {
    const config = { extends: join(root, 'tsconfig.json'), include: ['*.ts'] };
    writeFileSync(join(folder, 'tsconfig.json'), JSON.stringify(config));
    const { all } = await execa('tsc', ['--noEmit', '-p', folder], {
      preferLocal: true,
      localDir: root,
      all: true,
      reject: false,
    });
    expect(all).toBe('');
  });

  it.concurrent.each(programs)(
    'behave as their page says: $file',
    async ({ page, file, code, output, inOrder }) => {
      const lines = (text: string) => (inOrder ? text : text.split('\n').sort().join('\n'));
      const other = others[file] ?? others[page];
      await removeQueues(code);
      await other?.before();
      const run = execa('node', ['--import', join(root, 'test/docs/tcw-from-source.ts'), file], {
        cwd: folder,
        preferLocal: true,
        localDir: root,
        env: { PULSE_URL: bare.href, PULSE_USERNAME: user, PULSE_PASSWORD: password },
        timeout: 3 * PATIENCE_MS,
        reject: false,
        buffer: true,
      });
      let printed = '';
      run.stdout.on('data', (chunk: Buffer) => (printed += chunk.toString()));
      const ended = run.then(() => 'ended');
      const shown = (async () => {
        await other?.meanwhile();
        while (output === undefined || lines(printed) !== lines(output)) await sleep(50);
        return 'shown';
      })();
      // A program that goes on for ever is ended as its reader would, once it has printed everything.
      if ((await Promise.race([ended, shown])) === 'shown') {
        await Promise.race([ended, sleep(1_000)]);
        run.kill('SIGINT');
      }
      const { exitCode, signal, stderr } = await run;
      expect(stderr).toBe('');
      if (output !== undefined) expect(lines(printed)).toBe(lines(output));
      expect(exitCode === 0 || (signal === 'SIGINT' && output !== undefined)).toBe(true);
      await removeQueues(code);
    },
    TEST_MS,
  );
});

/** The broker may be one that stays: what a page leaves there would be found by the next run. */
async function removeQueues(code: string): Promise<void> {
  const names = [...code.matchAll(/namedQueue\(\s*'([^']+)'/g)].map(([, name = '']) => name);
  const pulse = connect({ url: inject('pulseUrl') });
  for (const name of names) {
    await pulse.queue(namedQueue(name, { maxLength: 1, deadLetter: true })).delete();
  }
  await pulse.close();
}
