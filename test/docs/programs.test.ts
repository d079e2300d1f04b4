import { describe, expect, it } from 'vitest';
import { programsOf } from './programs.ts';

const fenced = (language: string, text: string) => `\`\`\`${language}\n${text}\n\`\`\`\n`;

describe('the programs of a page', () => {
  it('consist of its blocks in order, and the output that it shows', () => {
    const page = `# Title\n\n${fenced('ts', 'one();')}words\n\n${fenced('output', '1')}${fenced('ts', 'two();')}${fenced('output', '2')}`;
    expect(programsOf(page)).toEqual([{ code: 'one();\n\ntwo();\n', output: '1\n2\n', inOrder: true }]);
  });

  it('are separate if it says so, and do not include blocks of other languages', () => {
    const page = `${fenced('ts', 'one();')}\n<!-- program -->\n\n${fenced('js', 'old();')}${fenced('ts', 'two();')}`;
    expect(programsOf(page)).toEqual([
      { code: 'one();\n', output: undefined, inOrder: true },
      { code: 'two();\n', output: undefined, inOrder: true },
    ]);
  });

  it('may print their lines in any order if it says so', () => {
    const page = `${fenced('ts', 'both();')}${fenced('output in any order', '1\n2')}`;
    expect(programsOf(page)).toEqual([{ code: 'both();\n', output: '1\n2\n', inOrder: false }]);
  });

  it('print nothing if there are none', () => {
    expect(() => programsOf(fenced('output', '1'))).toThrow('output without a program');
  });
});
