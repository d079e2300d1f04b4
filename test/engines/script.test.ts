import { Writable } from 'node:stream';
import { once } from 'node:events';
import fc from 'fast-check';
import { describe, expect, it, onTestFinished } from 'vitest';
import { PrefixedLines } from '../../src/worker/engines/script/prefixed-lines.ts';
import { scriptEngine } from '../../src/worker/engines/script/index.ts';
import { engines, Log, newFolder, PATH } from './native-fixtures.ts';
import { runFolderAt } from '../run-folder-at.ts';

/** The output for these chunks. */
async function prefixed(chunks: readonly Buffer[]): Promise<Buffer> {
  const log = new Log();
  const lines = new PrefixedLines('> ', log);
  for (const chunk of chunks) {
    // The chunk's memory is reused.
    const lent = Buffer.from(chunk);
    if (!lines.write(lent, () => lent.fill('!'))) await once(lines, 'drain');
  }
  lines.end();
  await once(lines, 'close');
  return log.bytes;
}

describe('lines that get a prefix', () => {
  it('are complete, however they are split, and the last one is ended', async () => {
    const text = fc.string({ unit: fc.constantFrom('a', 'bc', '\n', '\r', 'ü', '\0'), maxLength: 60 });
    await fc.assert(
      fc.asyncProperty(fc.array(text, { maxLength: 8 }), async texts => {
        const whole = texts.join('');
        const lines = whole.endsWith('\n') || whole === '' ? whole.slice(0, -1) : whole;
        const expected = whole === '' ? [] : lines.split('\n').map(line => `> ${line}\n`);
        expect((await prefixed(texts.map(part => Buffer.from(part)))).toString()).toBe(expected.join(''));
      }),
    );
  });

  it('may be longer than the available memory', async () => {
    const bytes = await prefixed(Array.from({ length: 100 }, () => Buffer.alloc(10_000, 'x')));
    const lines = bytes.toString().trimEnd().split('\n');
    expect(lines.length).toBeLessThan(20);
    expect(lines.every(line => /^> x+$/.test(line))).toBe(true);
    expect(lines.join('').replaceAll('> ', '')).toHaveLength(1_000_000);
  });

  it('are read no faster than they are consumed', async () => {
    const taken: number[] = [];
    const slow = new Writable({
      highWaterMark: 100,
      write: (chunk: Buffer, _encoding, done) => {
        taken.push(chunk.length);
        setTimeout(done, 1);
      },
    });
    const lines = new PrefixedLines('> ', slow);
    let waits = 0;
    for (let n = 0; n < 50; n++) {
      if (lines.write(Buffer.from(`${'x'.repeat(20_000)}\n`))) continue;
      waits += 1;
      await once(lines, 'drain');
    }
    lines.end();
    await once(lines, 'close');
    expect(waits).toBeGreaterThan(5);
    expect(taken.reduce((sum, length) => sum + length)).toBe(50 * 20_003);
    expect(slow.writableEnded).toBe(false);
  });

  it('are discarded after their output was closed', async () => {
    const gone = new Log();
    gone.destroy();
    const lines = new PrefixedLines('> ', gone);
    const failed = once(lines, 'error');
    lines.write('text\n');
    expect(await failed).toEqual([expect.objectContaining({ message: 'the output is gone' })]);
  });
});

describe.each(engines)('the script engine ($containment)', ({ containment }) => {
  async function run(line: string, stdin: string, output: Writable = new Log()) {
    const engine = await scriptEngine({ containment });
    const sandbox = await engine.open({ home: runFolderAt(await newFolder()) });
    onTestFinished(() => sandbox.close());
    const argv = ['sh', '-c', line];
    const running = sandbox.run({ argv, env: { PATH }, output, stdin });
    return { sandbox, running };
  }

  it('passes a payload to a program, and prefixes the lines of its standard error', async () => {
    const output = new Log();
    const line = 'cat; echo; echo "first\nsecond" >&2; printf "no end" >&2; exit 2';
    const { running } = await run(line, '{"a": 1}', output);
    expect(await running).toMatchObject({ exitCode: 2 });
    const lines = output.text.split('\n');
    expect(lines.filter(text => text.startsWith('[worker:error] '))).toEqual([
      '[worker:error] first',
      '[worker:error] second',
      '[worker:error] no end',
    ]);
    expect(lines).toContain('{"a": 1}');
  });

  it('loses no lines of many errors', async () => {
    const output = new Log();
    const { running } = await run('seq 100000 >&2', '', output);
    await running;
    expect(output.text.split('\n')).toHaveLength(100_001);
    expect(output.text.endsWith('\n[worker:error] 100000\n')).toBe(true);
  });

  it('ends with its sandbox, even if nobody reads its output', async () => {
    const stuck = new Writable({ highWaterMark: 1, write: () => undefined });
    const { sandbox, running } = await run('seq 1000000 >&2', '', stuck);
    const settled = running.then(
      () => 'settled',
      () => 'settled',
    );
    await sandbox.stop(0);
    await sandbox.close();
    expect(await settled).toBe('settled');
  });

  it('does not wait for a background process that holds standard error open', async () => {
    const { running } = await run('sleep 60 >&2 & exit 3', '');
    expect(await running).toMatchObject({ exitCode: 3 });
  });
});
