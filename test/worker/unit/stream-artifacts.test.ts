import { createHash, randomBytes } from 'node:crypto';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { describe, expect, it, onTestFinished, vi } from 'vitest';
import type { StreamSource } from '../../../src/worker/files/file-source.ts';
import type { TaskFiles } from '../../../src/worker/files/task-files.ts';
import type { ArtifactSpec } from '../../../src/worker/task-spec.ts';
import { start } from './uploading-run.ts';
import { tarFiles } from './tar-files.ts';

const sha256 = (bytes: Buffer) => createHash('sha256').update(bytes).digest('hex');

/** About half of this content can be compressed. */
const MIXED = Buffer.concat([randomBytes(1_500_000), Buffer.alloc(1_500_001, 'text '), randomBytes(77)]);

/** A run with these files, which are read from an archive. */
async function startWithTar(
  requests: Partial<ArtifactSpec>[],
  content: Record<string, string | Buffer>,
  change: (files: TaskFiles) => TaskFiles = files => files,
) {
  let tar: ReturnType<typeof tarFiles> | undefined;
  const started = await start(requests, content, folder => change((tar = tarFiles(folder)).files));
  return {
    ...started,
    tar: () => {
      if (!tar) throw new Error('no files were asked for yet');
      return tar;
    },
  };
}

/** Changes how the streams of files are presented. */
const withStreams =
  (change: (source: StreamSource) => StreamSource, size?: number) =>
  (files: TaskFiles): TaskFiles => ({
    ...files,
    open: async path => {
      const opened = await files.open(path);
      if (opened.kind !== 'file' || !('open' in opened.source)) return opened;
      return { ...opened, source: change(opened.source), ...(size !== undefined && { size }) };
    },
  });

function withoutPauses(): void {
  vi.spyOn(Math, 'random').mockReturnValue(0);
  onTestFinished(() => void vi.restoreAllMocks());
}

describe('an artifact that is a stream', () => {
  it.each([
    ['identity', 1],
    ['identity', MIXED.length],
    ['gzip', 0],
    ['gzip', 32 * 1024],
    ['gzip', MIXED.length],
  ] as const)(
    'is uploaded as the task made it, with the right digest: %s, %i bytes',
    async (contentEncoding, length) => {
      const content = MIXED.subarray(0, length);
      const { run, download, leftovers, tar } = await startWithTar(
        [{ path: 'out/x.bin', name: 'public/x', contentEncoding }],
        { 'out/x.bin': content, 'out/another': 'x' },
      );
      run.artifacts.wantDigests();
      await run.finish();
      const response = await download('public/x');
      expect(response.headers.get('content-encoding')).toBe(contentEncoding === 'gzip' ? 'gzip' : null);
      expect(Buffer.from(await response.arrayBuffer()).equals(content)).toBe(true);
      expect([...run.artifacts.digests]).toEqual([['public/x', sha256(content)]]);
      expect(await leftovers()).toEqual([]);
      expect(tar().counts).toMatchObject({ streams: 1, fromMemory: 0 });
      expect(tar().counts.closed).toBeGreaterThan(0);
      await expect.poll(() => tar().running.size).toBe(0);
    },
  );

  it.each(['identity', 'gzip'] as const)(
    'is opened again if it breaks, and its digest is that of the whole: %s',
    async contentEncoding => {
      withoutPauses();
      let opened = 0;
      const breaking = withStreams(source => ({
        ...source,
        open: async signal => {
          const stream = await source.open(signal);
          if (++opened === 3) return stream;
          let seen = 0;
          return (async function* () {
            for await (const piece of stream) {
              yield piece;
              if ((seen += piece.length) > 1_000_000) throw new Error('socket hang up');
            }
          })();
        },
      }));
      const { run, download, leftovers } = await startWithTar(
        [{ contentEncoding, name: 'public/x' }],
        { x: MIXED },
        breaking,
      );
      run.artifacts.wantDigests();
      await run.finish();
      expect(Buffer.from(await (await download('public/x')).arrayBuffer()).equals(MIXED)).toBe(true);
      expect([...run.artifacts.digests]).toEqual([['public/x', sha256(MIXED)]]);
      expect(opened).toBe(3);
      expect(await leftovers()).toEqual([]);
    },
  );

  it.each([
    ['identity', MIXED.length - 1, 'has more bytes'],
    ['identity', MIXED.length + 1, `has only ${MIXED.length} bytes`],
    ['gzip', MIXED.length - 1, 'has more bytes'],
    ['gzip', MIXED.length + 1, `has only ${MIXED.length} bytes`],
    ['gzip', 5, 'has more bytes'],
  ] as const)(
    'fails the task, with the name of its file, if its length differs: %s, %i bytes',
    async (contentEncoding, size, message) => {
      const { run, log, download, leftovers } = await startWithTar(
        [{ contentEncoding, name: 'public/x' }],
        { x: MIXED },
        withStreams(source => source, size),
      );
      run.artifacts.wantDigests();
      const text = `'${join(run.folder, 'x')}' ${message} instead of the announced ${size}`;
      await expect(run.finish()).rejects.toMatchObject({
        kind: 'task-failed',
        message: expect.stringContaining(text) as string,
      });
      expect(log.lines.at(-1)).toContain(`error: ${text}`);
      expect(run.artifacts.digests.size).toBe(0);
      expect((await download('public/x')).ok).toBe(false);
      expect(await leftovers()).toEqual([]);
    },
  );

  it.each(['identity', 'gzip'] as const)(
    'ends at once when the run is stopped: %s',
    async contentEncoding => {
      const stuck = new Readable({ read: () => undefined });
      stuck.push(randomBytes(200_000));
      let isOpened = false;
      const files = withStreams(source => ({
        ...source,
        open: async () => {
          isOpened = true;
          return stuck;
        },
      }));
      const { run, stop, leftovers } = await startWithTar([{ contentEncoding }], { x: MIXED }, files);
      const finishing = run.finish().catch((error: unknown) => (error as Error).message);
      await expect.poll(() => isOpened && stuck.readableLength === 0).toBe(true);
      stop();
      expect(await finishing).toBe('task canceled');
      await expect.poll(() => stuck.destroyed).toBe(true);
      expect(await leftovers()).toEqual([]);
    },
  );

  it('may be missing, a directory, or outside, like any other', async () => {
    const { run, listed } = await startWithTar(
      [
        { path: 'none', name: 'public/none', optional: true },
        { path: 'out', name: 'public/out', optional: true },
        { path: '../x', name: 'public/outside', optional: true },
        { path: 'out/a', name: 'public/not-a-directory', type: 'directory', optional: true },
      ],
      { 'out/a': 'a' },
    );
    await run.finish();
    expect(await listed()).toEqual([
      'error public/none',
      'error public/not-a-directory',
      'error public/out',
      'error public/outside',
    ]);
  });
});

describe('a directory that is read from an archive', () => {
  it('is uploaded from memory, except large files, which are streams', async () => {
    const names = Array.from({ length: 2_000 }, (_, index) => `out/d${index % 7}/f${index}.txt`);
    const content = Object.fromEntries(names.map(name => [name, `this is ${name}\n`]));
    const { run, download, tar } = await startWithTar(
      [{ path: 'out', name: 'public/out', type: 'directory' }],
      { ...content, 'out/large.bin': MIXED, 'beside.txt': 'not asked for' },
    );
    run.artifacts.wantDigests();
    await run.finish();
    const expected = names.map(name => [`public/${name}`, sha256(Buffer.from(content[name] ?? ''))]);
    expected.push(['public/out/large.bin', sha256(MIXED)]);
    expect([...run.artifacts.digests].toSorted()).toEqual(expected.toSorted());
    expect(await (await download('public/out/d2/f2.txt')).text()).toBe('this is out/d2/f2.txt\n');
    expect(tar().counts).toMatchObject({ streams: 1, fromMemory: names.length });
    // No more files than are uploaded in parallel.
    expect(tar().counts.mostKept).toBeLessThanOrEqual(33);
  });
});
