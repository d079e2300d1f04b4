// Draws docs/first-task.svg: the terminal output of `tcw dev --once examples/hello.json`. Run it with `node
// scripts/picture.ts` when that output has changed.
import { writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { fileURLToPath } from 'node:url';
import { spawn } from '@lydell/node-pty';
import { terminalPicture } from './picture/terminal-picture.ts';

const root = fileURLToPath(new URL('..', import.meta.url));
const COMMAND = 'tcw dev --once examples/hello.json';
const COLUMNS = 100;

const shown = await shownBy(COMMAND);
writeFileSync(`${root}docs/first-task.svg`, terminalPicture(`$ ${COMMAND}\n${shown}`, COLUMNS));

/** Returns everything that the command writes to a terminal. */
async function shownBy(command: string): Promise<string> {
  const [, ...words] = command.split(' ');
  const terminal = spawn(`${root}bin/tcw.js`, words, {
    cols: COLUMNS,
    rows: 60,
    cwd: root,
    env: {
      ...process.env,
      PATH: `${dirname(process.execPath)}:${process.env.PATH ?? ''}`,
      TERM: 'xterm-256color',
    },
  });
  let text = '';
  terminal.onData(data => (text += data));
  const { promise, resolve, reject } = Promise.withResolvers<string>();
  terminal.onExit(({ exitCode }) => {
    if (exitCode === 0) resolve(withoutSecrets(text.replaceAll('\r\n', '\n')));
    else reject(new Error(`${command} has ended with ${exitCode}: ${text}`));
  });
  return promise;
}

/**
 * Removes tokens and the machine's name: the picture should not suggest that tokens may be shown, or reveal where it
 * was made.
 */
function withoutSecrets(text: string): string {
  return text.replaceAll(/(ACCESS_TOKEN=)\S+/g, '$1…').replaceAll(/^(Linux|Darwin) .*$/gm, '$1 desk-1 …');
}
