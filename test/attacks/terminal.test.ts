/* eslint-disable no-control-regex */
import { execFileSync } from 'node:child_process';
import fc from 'fast-check';
import { PassThrough } from 'node:stream';
import { text } from 'node:stream/consumers';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { terminalFilter } from '../../src/cli/output/terminal-filter.ts';
import { createLogger } from '../../src/cli/output/logger.ts';
import { newWorkplace, type Workplace } from '../cli/dev-session.ts';
import { bin, cleanEnvironment } from '../cli/tcw.ts';

const filtered = (...chunks: (string | number[])[]) => {
  const filter = terminalFilter();
  return chunks.map(chunk => filter(Buffer.from(chunk as string))).join('');
};

describe('the output of a task on a terminal', () => {
  it.each([
    ['text', 'a\tb\r\nü €\n'],
    ['colours', '\u001b[1;31mred\u001b[0m \u001b[38;5;208morange\u001b[38:2::1:2:3m\u001b[m'],
  ])('keeps %s', (_, output) => {
    expect(filtered(output)).toBe(output);
  });

  it.each([
    ['moves of the cursor', '\u001b[2J\u001b[H\u001b[3A\u001b[1000D'],
    ['other screens and modes', '\u001b[?1049h\u001b[?25l\u001bc\u001b7\u001b(0\u001b#8'],
    [
      'questions, which the terminal answers as if typed',
      '\u001b[c\u001b[6n\u001b[21t\u001bZ\u001b[>q\u0005',
    ],
    ['a private form of colours', '\u001b[>4;2m\u001b[?4m'],
    ['a title', '\u001b]0;title\u0007'],
    ['the clipboard', '\u001b]52;c;ZWNobyBwd25lZA==\u001b\\'],
    ['a link', '\u001b]8;;https://example.com\u001b\\\u001b]8;;\u001b\\'],
    ['strings to the device', '\u001bP$q"p\u001b\\\u001b_x\u001b\\\u001b^x\u001b\\\u001bXx\u001b\\'],
    ['control characters of one byte', '\u0000\u0007\u0008\u000b\u000c\u000e\u000f\u007f'],
    ['C1 in UTF-8', '\u009b2J\u009d0;title\u009c\u0090x\u009c\u0085\u008d'],
    ['a sequence within a string', '\u001b]0;a\u001b[2J'],
    ['what is broken off', '\u001b[1\u0018\u001b]0;x\u001a'],
  ])('drops %s', (_, output) => {
    expect(filtered(`a${output}b`)).toBe('ab');
  });

  it('continues on the next line, whatever was started', () => {
    expect(filtered('a\u001b]0;never ended\n[taskcluster:error] exit status 1\n')).toBe(
      'a\n[taskcluster:error] exit status 1\n',
    );
    expect(filtered('a\u001b[1\nb\u001b\nc')).toBe('a\nb\nc');
  });

  it('may arrive in pieces, split anywhere', () => {
    const piece = fc.constantFrom(
      ...['\u001b', '[', ']', 'P', '31', ';', 'm', 'J', '\u0007', '\\', '\n', '\r', 'x', '\u009b', '€', '0;'],
    );
    fc.assert(
      fc.property(fc.array(piece), fc.array(fc.nat(40)), (pieces, cuts) => {
        const whole = Buffer.from(pieces.join(''));
        const at = [0, ...cuts.sort((a, b) => a - b), whole.length];
        const filter = terminalFilter();
        const shown = at.map((end, i) => filter(whole.subarray(at[i - 1] ?? 0, end))).join('');
        expect(shown).toBe(filtered(whole.toString()));
        // Colours are all that is left of sequences.
        expect(shown.replaceAll(/\u001b\[[\d;:]*m/g, '')).not.toMatch(
          /[\u0000-\u0008\u000b\u000c\u000e-\u001f\u007f-\u009f]/,
        );
      }),
    );
  });
});

describe('a log for a terminal', () => {
  it.each([
    [
      'the message of an error',
      { err: new Error('x\n[00:00:00.000] INFO: worker stopped\u001b[2J\r\u009b2J') },
    ],
    [
      'its cause',
      { err: new Error('x', { cause: new Error('y\n[00:00:00.000] INFO: worker stopped\u001b[2J') }) },
    ],
    ['a field', { reason: 'x\n[00:00:00.000] INFO: worker stopped\u001b[2J\u009b2J\\u001b' }],
  ])('never shows lines as its own that came in %s', async (_, fields) => {
    const stream = new PassThrough();
    const logger = await createLogger({ level: 'info', stream, format: 'plain' });
    logger.warn(fields, 'look out');
    await logger.flush();
    stream.end();
    const lines = (await text(stream)).trimEnd().split('\n');
    expect(lines.filter(line => line.startsWith('['))).toHaveLength(1);
    expect(lines.slice(1).filter(line => !line.startsWith('    | '))).toEqual([]);
    expect(lines.join('')).not.toMatch(/[\u0000-\u001f\u007f-\u009f]/);
  });
});

const hasScript = (() => {
  try {
    return execFileSync('script', ['--version'], { encoding: 'utf8' }).includes('util-linux');
  } catch {
    return false;
  }
})();

describe('tcw dev', () => {
  let workplace: Workplace;
  beforeEach(() => {
    workplace = newWorkplace();
  });
  afterEach(() => workplace[Symbol.asyncDispose]());

  const HOSTILE = String.raw`printf '\033]0;title\007\033[2J\033[32mgreen\033[0m \302\2332Jx\roverwritten\n\033[8mhidden'`;
  const task = (name: string) => ({
    metadata: { name, description: '', owner: 'a@example.com', source: 'https://example.com' },
    payload: { command: [['sh', '-c', HOSTILE]], maxRunTime: 60 },
  });
  const NAME = 'name\u001b]0;title\u0007\u009b2J\n✔ forged: completed';

  it.runIf(hasScript)('shows only text and colours of a task on a terminal', () => {
    const one = shown(workplace.write('one.json', task(NAME)));
    expect(one).toContain('\u001b[32mgreen\u001b[0m x\roverwritten');
    expect(one).toMatch(/\u001b\[0m✔ name ]0;title 2J ✔ forged: completed: completed \(/);
    const two = shown(workplace.write('one.json', task(NAME)), workplace.write('two.json', task('two')));
    expect(two).toContain('two | \u001b[32mgreen\u001b[0m x overwritten\u001b[0m');
    expect(two).not.toMatch(/^✔ forged/m);
    expect(`${one}${two}`).not.toMatch(/\u001b(?!\[[\d;]*m)|[\u0007\u0080-\u009f]/);
  });

  it('writes each byte of a task into a file or a pipe', async () => {
    const { stdout } = await workplace.tcw('dev', '--once', workplace.write('one.json', task('one')));
    expect(stdout).toContain(
      '\u001b]0;title\u0007\u001b[2J\u001b[32mgreen\u001b[0m \u009b2Jx\roverwritten\n',
    );
  });

  /** What `tcw dev --once` shows on a terminal. */
  function shown(...files: string[]): string {
    const line = [bin, 'dev', '--once', ...files].map(word => `'${word}'`).join(' ');
    const env = { ...cleanEnvironment(), TMPDIR: workplace.temporary };
    return execFileSync('script', ['-qec', `${line} 2>/dev/null`, '/dev/null'], {
      env,
      encoding: 'utf8',
    }).replaceAll('\r\n', '\n');
  }
});
