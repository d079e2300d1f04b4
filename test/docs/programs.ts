/** What a page tells its reader to run, and what it says that this prints. */
export interface Program {
  readonly code: string;
  /** Undefined where the page shows no output. */
  readonly output: string | undefined;
  /** Whether it prints its lines in this order each time. */
  readonly inOrder: boolean;
}

/**
 * The programs of a page in Markdown. All of its ```` ```ts ```` blocks together are one program, in their order, until
 * `<!-- program -->` begins another one. ```` ```output ```` blocks are what it prints, all of it; after
 * ```` ```output in any order ````, in any order. Blocks of any other language are for reading only.
 */
export function programsOf(markdown: string): Program[] {
  return markdown.split(/^<!-- program -->$/m).flatMap(part => {
    const code = blocks(part, 'ts');
    const output = blocks(part, 'output( in any order)?');
    const inOrder = !part.includes('\n```output in any order\n');
    if (code.length === 0 && output.length > 0) throw new Error('output without a program');
    if (code.length === 0) return [];
    return [{ code: code.join('\n'), output: output.length > 0 ? output.join('') : undefined, inOrder }];
  });
}

function blocks(markdown: string, language: string): string[] {
  const fence = new RegExp(`^\`\`\`${language}\\n(?<text>.*?)^\`\`\`$`, 'gms');
  return [...markdown.matchAll(fence)].map(match => match.groups?.text ?? '');
}
