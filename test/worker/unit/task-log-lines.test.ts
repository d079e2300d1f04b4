import { execFileSync } from 'node:child_process';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  commandSummary,
  goDuration,
  killedLine,
  settingsBlock,
  shellCommandLine,
} from '../../../src/worker/task-log/lines.ts';
import { workerConfig } from './worker-config.ts';

describe("a duration in Go's spelling", () => {
  // The output of Go's time.Duration for these values.
  it.each<[number, string]>([
    [0, '0s'],
    [0.000001, '1ns'],
    [0.000999, '999ns'],
    [0.001, '1µs'],
    [0.0015, '1.5µs'],
    [0.1, '100µs'],
    [0.999999, '999.999µs'],
    [1, '1ms'],
    [1.02, '1.02ms'],
    [3.4, '3.4ms'],
    [999.999999, '999.999999ms'],
    [1_000, '1s'],
    [1_234.567, '1.234567s'],
    [1_500, '1.5s'],
    [59_999.999, '59.999999s'],
    [60_000, '1m0s'],
    [62_500, '1m2.5s'],
    [3_599_999, '59m59.999s'],
    [3_600_000, '1h0m0s'],
    [3_603_000, '1h0m3s'],
    [9_930_500, '2h45m30.5s'],
    [86_400_000, '24h0m0s'],
    [30 * 86_400_000, '720h0m0s'],
  ])('of %d ms', (ms, text) => {
    expect(goDuration(ms)).toBe(text);
  });

  // Rounding must carry, because 1000 µs, 1000 ms and 60 s do not occur in this format.
  it.each<[number, string]>([
    [0.0000001, '0s'],
    [0.0009999, '1µs'],
    [0.99999999, '1ms'],
    [999.9999999, '1s'],
    [59_999.99999, '1m0s'],
    [3_599_999.99999, '1h0m0s'],
  ])('of %d ms, rounded up', (ms, text) => {
    expect(goDuration(ms)).toBe(text);
  });

  it('represents the length exactly, in its only form', () => {
    const units: Record<string, number> = { h: 3_600_000, m: 60_000, s: 1_000, ms: 1, µs: 1e-3, ns: 1e-6 };
    fc.assert(
      fc.property(fc.double({ min: 0, max: 1e9, noNaN: true }), ms => {
        const parts = [...goDuration(ms).matchAll(/(\d+(?:\.\d+)?)(h|ms|m|s|µs|ns)/g)];
        const total = parts.reduce(
          (sum, [, value, unit]) => sum + Number(value) * (units[unit ?? ''] ?? NaN),
          0,
        );
        expect(parts.map(part => part[0]).join('')).toBe(goDuration(ms));
        // Exact to nanoseconds below a second, and to microseconds above.
        expect(Math.abs(total - ms)).toBeLessThanOrEqual(ms < 1_000 ? 1e-6 : 1e-3);
        for (const [, value, unit] of parts) {
          if (unit !== 'h') expect(Number(value)).toBeLessThan(unit === 's' || unit === 'm' ? 60 : 1_000);
        }
      }),
      { examples: [[59_999.9999], [999.9999995], [0.9999999]] },
    );
  });
});

describe('a command in the log', () => {
  const taken = (argv: readonly string[]): string[] =>
    execFileSync('/bin/sh', ['-c', `printf '%s\\0' ${shellCommandLine(argv)}`], {
      encoding: 'utf8',
      env: { LC_ALL: 'C.UTF-8' },
      stdio: ['ignore', 'pipe', 'pipe'],
    })
      .split('\0')
      .slice(0, -1);

  it.each([
    [['echo', 'hello world'], "echo 'hello world'"],
    [['sh', '-c', 'exit 1'], "sh -c 'exit 1'"],
    [['true'], 'true'],
    [['echo', ''], "echo ''"],
    [['echo', "it's"], "echo 'it'\\''s'"],
    [['./a.out', '--flag=value', 'a/b:c,d@e%f+g'], './a.out --flag=value a/b:c,d@e%f+g'],
  ])('is readable: %j', (argv, text) => {
    expect(shellCommandLine(argv)).toBe(text);
  });

  it('means the same to a shell', () => {
    const nasty = fc.constantFrom(
      "'",
      '"',
      '\\',
      '$HOME',
      '`id`',
      '\n',
      '*',
      '~',
      '!',
      '#',
      ' ',
      'é',
      '-n',
      '\t',
    );
    const word = fc.oneof(
      fc.string({ unit: 'grapheme' }),
      fc.array(nasty).map(parts => parts.join('')),
    );
    const argv = fc.array(
      word.map(text => text.replaceAll('\0', '')),
      { minLength: 1, maxLength: 8 },
    );
    fc.assert(
      fc.property(argv, words => {
        expect(taken(words)).toEqual(words);
      }),
      { numRuns: 60 },
    );
  });
});

describe('the summary after a command in the log', () => {
  it('has its labels aligned', () => {
    expect(commandSummary({ exitCode: 0, userMs: 1.02, kernelMs: 0, wallMs: 3.4 }).split('\n')).toEqual([
      '                       Exit Code: 0',
      '                       User Time: 1.02ms',
      '                     Kernel Time: 0s',
      '                       Wall Time: 3.4ms',
      '                          Result: SUCCEEDED',
    ]);
  });

  it('omits what the platform does not report', () => {
    const lines = commandSummary({ exitCode: 137, wallMs: 60_000 }).split('\n');
    expect(lines.map(line => line.trim())).toEqual(['Exit Code: 137', 'Wall Time: 1m0s', 'Result: FAILED']);
  });
});

describe('the first lines of the log', () => {
  it('say which pool and machine this is, with the configured values first', () => {
    const config = workerConfig({ workerTypeMetadata: { image: { id: 'ami-1' } }, capacity: 4 });
    const [title, ...rest] = settingsBlock(config, { version: '1.2.3', engines: ['native'] }).split('\n');
    expect(title).toBe(`Worker Type (${config.provisionerId}/${config.workerType}) settings:`);
    expect(rest.every(line => line.startsWith('  '))).toBe(true);
    const settings = JSON.parse(rest.join('\n')) as Record<string, unknown>;
    expect(Object.keys(settings)).toEqual(['image', 'tcw']);
    expect(settings).toMatchObject({
      image: { id: 'ami-1' },
      tcw: { version: '1.2.3', engine: 'native', config: { capacity: 4 }, platform: process.platform },
    });
  });
});

describe('the log of a command that was killed', () => {
  it('says whether memory ran out', () => {
    expect(killedLine({ exitCode: 137, wallMs: 1, memoryRanOut: true })).toMatch(
      /ended by SIGKILL, and not by this worker\. Memory ran out meanwhile/,
    );
    expect(killedLine({ exitCode: 137, wallMs: 1 })).toMatch(/SIGKILL.* memory did not run out/);
  });

  it('mentions memory too if only a program in the command was killed', () => {
    expect(killedLine({ exitCode: 2, wallMs: 1, memoryRanOut: true })).toMatch(/^Memory ran out/);
  });

  it('says nothing otherwise', () => {
    expect(killedLine({ exitCode: 1, wallMs: 1 })).toBeUndefined();
    expect(killedLine({ exitCode: 0, wallMs: 1, memoryRanOut: true })).toBeUndefined();
  });
});
