import { mkdtemp, readFile, rm, stat } from 'node:fs/promises';
import { once } from 'node:events';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { execa } from 'execa';
import fc from 'fast-check';
import { describe, expect, it, onTestFinished } from 'vitest';
import { openTaskLog, type TaskLog, type TaskLogOptions } from '../../../src/worker/task-log/task-log.ts';
import { onSmallDisk, smallDisks } from '../small-disk.ts';

const MB = 1024 * 1024;
/** More than the length of the line that marks a cut. */
const CUT_LINE_BYTES = 512;
const CUT = /^\[taskcluster:warn \S+Z\] (\d+) bytes of the log are omitted here: (.*)\n/m;

async function newFolder(): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'tcw-log-limit-'));
  onTestFinished(() => rm(folder, { recursive: true, force: true }));
  return folder;
}

async function open(folder: string, options: Partial<TaskLogOptions>): Promise<TaskLog> {
  const log = await openTaskLog({ folders: [folder], name: 'task.log', secrets: () => [], ...options });
  onTestFinished(() => log.remove());
  return log;
}

async function write(log: TaskLog, chunk: Buffer | string): Promise<void> {
  if (!log.output.write(chunk)) await once(log.output, 'drain');
}

/** The text before the cut, how much was left out and why, and the text after the cut. */
function partsOf(text: string) {
  const found = CUT.exec(text);
  if (!found) throw new Error('nothing is left out');
  const [line, omitted, why = ''] = found;
  return {
    head: text.slice(0, found.index),
    omitted: Number(omitted),
    why,
    tail: text.slice(found.index + line.length),
  };
}

/** Expects that every byte of the whole text is either in its place or counted. */
function expectCutOf(whole: string, text: string) {
  const { head, omitted, tail } = partsOf(text);
  const own = whole.slice(0, whole.length - tail.length - omitted);
  // The mark begins on a new line, even if a line had to be cut.
  expect([own, `${own}\n`]).toContain(head);
  expect(whole.endsWith(tail)).toBe(true);
}

const numbered = (from: number, to: number) =>
  Array.from({ length: to - from }, (_, index) => `line ${from + index}\n`).join('');

describe('a log with a size limit', () => {
  it('is complete up to the limit, to the byte', async () => {
    const folder = await newFolder();
    const log = await open(folder, { maxBytes: 1_000 });
    await write(log, 'x'.repeat(999));
    await write(log, '\n');
    await log.end();
    expect(await readFile(log.file, 'latin1')).toBe(`${'x'.repeat(999)}\n`);
  });

  it('loses its middle, in whole lines, if it is longer', async () => {
    const folder = await newFolder();
    const log = await open(folder, { maxBytes: 1_000 });
    const whole = numbered(0, 500);
    await write(log, whole);
    await log.end();
    const text = await readFile(log.file, 'latin1');
    expectCutOf(whole, text);
    const { head, tail, why } = partsOf(text);
    expect(why).toBe('it is longer than the 1000 bytes that this worker allows');
    for (const part of [head, tail]) {
      expect(part).toMatch(/^(line \d+\n)+$/);
      expect(part.length).toBeGreaterThan(480);
    }
    expect(head.length + tail.length).toBeLessThanOrEqual(1_000);
  });

  it('has every byte in its place or counts it as removed, whatever is written', async () => {
    const folder = await newFolder();
    const chunk = fc.oneof(
      fc.string({ unit: fc.constantFrom('a', 'b', '\n'), maxLength: 50 }),
      fc.string({ unit: fc.constantFrom('a', 'b'), maxLength: 400 }),
      fc.nat(100).map(line => `line ${line}\n`),
    );
    await fc.assert(
      fc.asyncProperty(
        fc.array(chunk, { maxLength: 40 }),
        fc.integer({ min: 2, max: 2_000 }),
        async (chunks, maxBytes) => {
          const log = await open(folder, { maxBytes });
          for (const each of chunks) await write(log, each);
          await log.end();
          const whole = chunks.join('');
          const text = await readFile(log.file, 'latin1');
          await log.remove();
          expect(text.length).toBeLessThanOrEqual(maxBytes + CUT_LINE_BYTES);
          if (whole.length <= maxBytes) expect(text).toBe(whole);
          else expectCutOf(whole, text);
        },
      ),
      { numRuns: 300 },
    );
  });

  it('never uses more disk space, however much is written', async () => {
    const folder = await newFolder();
    const log = await open(folder, { maxBytes: 10 * MB });
    const chunk = Buffer.from(numbered(0, 9_000));
    let passed = 0;
    let largest = 0;
    for (; passed < 100 * MB; passed += chunk.length) {
      await write(log, chunk);
      largest = Math.max(largest, (await stat(log.file)).size);
    }
    await log.end();
    const { size } = await stat(log.file);
    expect(largest).toBeLessThanOrEqual(6 * MB);
    expect(size).toBeGreaterThan(9.9 * MB);
    expect(size).toBeLessThanOrEqual(10 * MB + CUT_LINE_BYTES);
    expectCutOf(chunk.toString().repeat(passed / chunk.length), await readFile(log.file, 'latin1'));
  });

  it('never uses more memory than its last 4 MB and its compression, even at its end', async () => {
    const script = fileURLToPath(new URL('../log-memory-process.ts', import.meta.url));
    const { stdout } = await execa(process.execPath, [script, await newFolder()]);
    expect(Number(stdout)).toBeGreaterThan(4 * MB);
    expect(Number(stdout)).toBeLessThan(7 * MB);
  });

  it('is passed whole to its followers', async () => {
    const folder = await newFolder();
    const followed: Buffer[] = [];
    const log = await open(folder, { maxBytes: 1_000, onChunk: chunk => followed.push(chunk) });
    await write(log, numbered(0, 500));
    await log.end();
    expect(Buffer.concat(followed).toString()).toBe(numbered(0, 500));
  });

  it('soon has on the disk what a task wrote before it became silent', async () => {
    const folder = await newFolder();
    const log = await open(folder, { maxBytes: 1_000 });
    await write(log, 'step 1\n');
    await expect.poll(() => readFile(log.file, 'latin1')).toBe('step 1\n');
    await log.end();
  });
});

// Each test has its own disk, which disappears with its namespace. 200,000 lines are 2.3 MB.
describe.runIf(smallDisks)('a log on a full disk', () => {
  const script = fileURLToPath(new URL('../full-disk-process.ts', import.meta.url));
  const LINES = 200_000;
  const whole = numbered(0, LINES);

  async function written(line: string): Promise<{ text: string; failure?: string }> {
    const folder = await newFolder();
    const [file, words] = onSmallDisk(folder, MB, ['sh', '-c', line, process.execPath, script, folder]);
    const { stdout } = await execa(file, words, { maxBuffer: 100 * MB });
    return JSON.parse(stdout) as { text: string; failure?: string };
  }

  it('overwrites earlier output with its end, and says why', async () => {
    const { text, failure } = await written(`exec "$0" "$1" "$2" ${LINES}`);
    expect(failure).toMatch(/^ENOSPC/);
    expectCutOf(whole, text);
    const { head, tail, why } = partsOf(text);
    expect(why).toMatch(/^the disk did not accept all of it \(ENOSPC: no space left on device/);
    expect(head.length).toBeGreaterThan(0.4 * MB);
    expect(tail.length).toBeGreaterThan(0.4 * MB);
  });

  it('keeps more if there is space again at the end', async () => {
    const ballast = 'head -c 900000 /dev/zero >"$2/ballast"';
    const { text, failure } = await written(`${ballast}; exec "$0" "$1" "$2" ${LINES} "$2/ballast"`);
    expect(failure).toMatch(/^ENOSPC/);
    expectCutOf(whole, text);
    expect(text.length).toBeGreaterThan(0.8 * MB);
  });

  it('is complete if the disk was full only for a moment', async () => {
    const ballast = 'head -c 900000 /dev/zero >"$2/ballast"';
    const { text, failure } = await written(`${ballast}; exec "$0" "$1" "$2" 60000 "$2/ballast"`);
    expect(text).toBe(numbered(0, 60_000));
    expect(failure).toBeUndefined();
  });
});
