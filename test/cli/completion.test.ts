import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { spawn } from '@lydell/node-pty';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { waitFor } from '../wait-for.ts';
import { tcw } from './tcw.ts';

type Shell = 'bash' | 'zsh' | 'fish';

const INTERACTIVE = { bash: ['--norc', '--noprofile', '-i'], zsh: ['-f', '-i'] };
const LOAD = { bash: 'source', zsh: 'autoload -Uz compinit && compinit -u -D && source' };
const CLEAR_LINE = '\u0015';

const folder = mkdtempSync(join(tmpdir(), 'tcw-completion-'));
afterAll(() => rmSync(folder, { recursive: true }));

it('prints a script that bash accepts', async () => {
  const { exitCode, stdout, stderr } = await tcw(['completion', 'bash']);
  expect([exitCode, stderr]).toEqual([0, '']);
  expect(spawnSync('bash', ['-n'], { input: stdout, encoding: 'utf8' })).toMatchObject({
    status: 0,
    stderr: '',
  });
});

it.each([
  [['csh'], /It must be one of bash, zsh, fish/],
  [[''], /It must be one of bash, zsh, fish/],
  [[], /the argument <shell> is missing/],
  [['bash', 'zsh'], /too many arguments/],
])('refuses %j in one line', async (words, message) => {
  const { exitCode, stdout, stderr } = await tcw(['completion', ...words]);
  expect([exitCode, stdout]).toEqual([64, '']);
  expect(stderr).toMatch(/^tcw: [^\n]*\n$/);
  expect(stderr).toMatch(message);
});

describe.each<Shell>(['bash', 'zsh', 'fish'])('in %s', shell => {
  const isMissing = spawnSync(shell, ['-c', 'true']).status !== 0;
  const script = join(folder, shell);
  let terminal: Terminal | undefined;
  beforeAll(async () => {
    if (isMissing) return;
    writeFileSync(script, (await tcw(['completion', shell])).stdout);
    writeFileSync(join(folder, 'file.json'), '{}');
    terminal = await open(shell, script);
  });
  afterAll(() => terminal?.close());

  it.skipIf(isMissing).each([
    ['a command', 'tcw comp', 'tcw completion'],
    ['a command of a command', 'tcw task canc', 'tcw task cancel'],
    ['a command three words deep', 'tcw pulse queue ins', 'tcw pulse queue inspect'],
    ['an option of the command', 'tcw task submit --fol', 'tcw task submit --follow'],
    [
      'an option behind another',
      'tcw task artifacts --run 3 --down',
      'tcw task artifacts --run 3 --download',
    ],
    ['a property of the worker', 'tcw dev --kill-gr', 'tcw dev --kill-grace-secs'],
    ['the value of an option', 'tcw pulse listen --dialect moz', 'tcw pulse listen --dialect mozillapulse'],
    ['the choices of an argument', 'tcw completion fi', 'tcw completion fish'],
    ['the name of a file', `tcw task submit ${folder}/fil`, `tcw task submit ${folder}/file.json`],
    [
      'the file argument of an option',
      `tcw dev --default-task ${folder}/fil`,
      `tcw dev --default-task ${folder}/file.json`,
    ],
  ])('completes %s', async (_, typed, completed) => {
    expect(await terminal?.afterTab(typed)).toContain(completed);
  });
});

/** What a person sees in an interactive shell. */
interface Terminal {
  /** What is shown of a line when its words and a tab were typed. */
  afterTab(typed: string): Promise<string>;
  close(): void;
}

async function open(shell: Shell, script: string): Promise<Terminal> {
  // fish asks its terminal for more than a test can answer, and tells the completions of a line by itself.
  if (shell === 'fish')
    return { afterTab: async typed => fishCompletes(script, typed), close: () => undefined };
  const env = { PATH: process.env.PATH, HOME: folder, TERM: 'dumb', PS1: '> ', LANG: 'C.UTF-8' };
  const terminal = spawn(shell, INTERACTIVE[shell], { cols: 200, rows: 40, cwd: folder, env });
  let shown = '';
  terminal.onData(data => (shown += data));
  terminal.write(`${LOAD[shell]} '${script}'; echo lo''aded\r`);
  await waitFor(() => {
    expect(shown).toMatch(/^loaded/m);
  });
  return {
    afterTab: async typed => {
      shown = '';
      // The shell shows the last key only when the completion is done.
      terminal.write(`${typed}\t@`);
      await waitFor(() => {
        expect(shown).toContain('@');
      });
      const line = withoutControls(shown);
      terminal.write(CLEAR_LINE);
      return line;
    },
    close: () => {
      terminal.kill('SIGKILL');
    },
  };
}

function fishCompletes(script: string, typed: string): string {
  const line = `source '${script}'; complete -C '${typed}'`;
  const { stdout } = spawnSync('fish', ['--no-config', '-c', line], {
    encoding: 'utf8',
    env: { ...process.env, HOME: folder },
  });
  const before = typed.slice(0, typed.lastIndexOf(' ') + 1);
  return stdout.replaceAll(/^([^\t\n]+).*$/gm, (_, word: string) => `${before}${word}`);
}

function withoutControls(text: string): string {
  // eslint-disable-next-line no-control-regex
  return text.replaceAll(/\u001b\[[\d;?]*[A-Za-z]|\u001b[=>]|[\b\u0007]/g, '');
}
