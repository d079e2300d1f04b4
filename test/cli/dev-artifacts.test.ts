import { readdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { artifactPaths } from '../../src/cli/artifacts/artifact-paths.ts';
import { artifactFolder, saveArtifact } from '../../src/cli/artifacts/save-artifact.ts';
import { newWorkplace, type Workplace } from './dev-session.ts';

let workplace: Workplace;
beforeEach(() => {
  workplace = newWorkplace();
});
afterEach(() => workplace[Symbol.asyncDispose]());

/** Names that a worker accepts, and that are awkward as paths. */
const AWKWARD = ['public/a', 'public/a/b', 'public/%2E%2E/c'];
const payload = (names: readonly string[]) => ({
  command: [['sh', '-c', 'echo kept > file']],
  maxRunTime: 60,
  artifacts: names.map(name => ({ type: 'file', path: 'file', name })),
});

describe('tcw dev --once --artifacts', () => {
  it('stores the artifacts of a task in the folder, whatever their names are', async () => {
    const folder = join(workplace.folder, 'kept');
    const file = workplace.write('task.json', payload(['public/file.txt', ...AWKWARD]));
    const before = readdirSync(workplace.folder).sort();
    const { exitCode, stdout } = await workplace.tcw('dev', '--once', file, '--artifacts', folder);
    expect(exitCode).toBe(0);
    expect(stdout).toMatch(/\n\d artifacts are in [^\n]+kept\n✔ task: completed \(.{22}\)\n$/);
    expect(readFileSync(join(folder, 'public/file.txt'), 'utf8')).toBe('kept\n');
    expect(readFileSync(join(folder, 'public/logs/live.log'), 'utf8')).toContain('=== Task Finished ===');
    expect(readdirSync(workplace.folder).sort()).toEqual([...before, 'kept'].sort());
    for (const path of ['public/a%file', 'public/a/b', 'public/%252E%252E/c']) {
      expect(readFileSync(join(folder, path), 'utf8')).toBe('kept\n');
    }
  });

  it('uses a separate folder for each of several tasks', async () => {
    const folder = join(workplace.folder, 'kept');
    const files = ['one', 'two'].map(name => workplace.write(`${name}.json`, payload(['public/file.txt'])));
    const { exitCode } = await workplace.tcw('dev', '--once', '--artifacts', folder, ...files);
    expect(exitCode).toBe(0);
    expect(readdirSync(folder).sort()).toEqual(['one', 'two']);
    expect(readFileSync(join(folder, 'two/public/file.txt'), 'utf8')).toBe('kept\n');
  });

  it('is mentioned in the output if artifacts are not stored', async () => {
    const file = workplace.write('task.json', payload(['public/file.txt']));
    const { stdout } = await workplace.tcw('dev', '--once', file);
    expect(stdout).toMatch(
      /\nNot kept: public\/file\.txt\. Use --artifacts <folder> to keep artifacts\.\n✔ task: completed \(.{22}\)\n$/,
    );
  });

  it.each<[string, string[], number, RegExp]>([
    ['without --once', ['--artifacts', 'x'], 64, /flag --artifacts: it needs --once/],
    ['without a name', ['--once', '--artifacts', ''], 64, /--artifacts is empty/],
    [
      'that is a file',
      ['--once', '--artifacts', 'package.json'],
      73,
      /"package\.json" cannot be written: it is not a folder/,
    ],
    [
      'below a file',
      ['--once', '--artifacts', 'package.json/x/y'],
      73,
      /"package\.json\/x\/y" cannot be written: a part of its path is not a folder/,
    ],
    [
      'that cannot be made',
      // Linux refuses a new folder there, and other systems have no such folder.
      ['--once', '--artifacts', process.platform === 'linux' ? '/proc/x/y' : '/dev/null/x'],
      73,
      /"\/[^\n]+" cannot be written: (no folder can be made there|a part of its path is not a folder)/,
    ],
  ])('refuses a folder %s, and runs nothing', async (_, words, code, message) => {
    const { exitCode, stdout, stderr } = await workplace.tcw('dev', ...words, 'examples/hello.json');
    expect([exitCode, stdout]).toEqual([code, '']);
    expect(stderr).toMatch(message);
  });
});

describe('a path for an artifact', () => {
  it('never leaves the folder, and is distinct for each name', () => {
    const part = fc.oneof(
      fc.constantFrom('', '.', '..', 'a', '%', '%2E', 'a%file', 'x'.repeat(300)),
      fc.string(),
    );
    const name = fc.array(part, { minLength: 1, maxLength: 4 }).map(parts => parts.join('/'));
    fc.assert(
      fc.property(fc.uniqueArray(name, { maxLength: 6 }), names => {
        const paths = [...artifactPaths(names).values()];
        for (const parts of paths) {
          for (const each of parts) {
            expect(each).not.toMatch(/^(\.{1,2})?$|[/\\\0\n]/);
            expect(Buffer.byteLength(each)).toBeLessThan(256);
          }
        }
        const joined = paths.map(parts => parts.join('/'));
        expect(new Set(joined).size).toBe(names.length);
        // No file is where another has a folder.
        for (const path of joined) expect(joined.some(other => other.startsWith(`${path}/`))).toBe(false);
      }),
    );
  });

  it('is not followed through a symbolic link that leads out of the folder', async () => {
    const folder = await artifactFolder(join(workplace.folder, 'kept'));
    const outside = join(workplace.folder, 'outside');
    await artifactFolder(outside);
    writeFileSync(join(outside, 'file'), 'untouched');
    symlinkSync(outside, join(folder, 'public'));
    symlinkSync(join(outside, 'file'), join(folder, 'file'));
    async function* content() {
      yield Buffer.from('new');
    }
    await expect(saveArtifact(folder, ['public', 'file'], content())).rejects.toThrow('symbolic link');
    await saveArtifact(folder, ['file'], content());
    expect(readFileSync(join(outside, 'file'), 'utf8')).toBe('untouched');
    expect(readFileSync(join(folder, 'file'), 'utf8')).toBe('new');
    expect(readdirSync(folder).sort()).toEqual(['file', 'public']);
  });
});
