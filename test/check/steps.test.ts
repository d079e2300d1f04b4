import { describe, expect, it } from 'vitest';
import { runSteps, type Step } from '../../scripts/check/steps.ts';

const node = (name: string, code: string): Step => ({ name, command: [process.execPath, '--eval', code] });

describe('npm run check', () => {
  it('prints the result of each step, and the output of those that failed', async () => {
    const printed: string[] = [];
    const failed = await runSteps(
      [
        node('well', 'console.log("all is well")'),
        node('bad', 'console.log("one"); console.error("two"); process.exit(3)'),
        { name: 'missing', command: ['no-such-program-anywhere'] },
      ],
      import.meta.dirname,
      1,
      line => printed.push(line),
    );
    expect(failed).toEqual(['bad', 'missing']);
    expect(printed.map(text => text.replace(/\d+\.\d s/, 'T s'))).toEqual([
      expect.stringMatching(/^ok {6}well +T s$/),
      expect.stringMatching(/^FAILED {2}bad +T s$/),
      '    one\n    two',
      expect.stringMatching(/^FAILED {2}missing +T s$/),
      expect.stringContaining('ENOENT'),
    ]);
  });

  it('runs every step even after a failed one', async () => {
    const steps = ['a', 'b', 'c', 'd', 'e'].map(name => node(name, 'process.exit(1)'));
    const failed = await runSteps(steps, import.meta.dirname, 2, () => undefined);
    expect(failed.sort()).toEqual(['a', 'b', 'c', 'd', 'e']);
  });
});
