import { format, resolveConfig } from 'prettier';
import ts from 'typescript';
import type { Exported } from './declarations.ts';

/** A page of the reference: its subject, and its exports in sections. */
export interface Page {
  readonly title: string;
  readonly about: string;
  readonly sections: readonly { readonly title: string; readonly exports: readonly Exported[] }[];
}

/** Returns a page in Markdown, formatted by prettier. */
export async function pageText({ title, about, sections }: Page): Promise<string> {
  const lines = [
    '<!-- Written by `npm run reference` from the docstrings. -->',
    `# ${title}`,
    about,
    ...sections.flatMap(section => [`## ${section.title}`, ...section.exports.map(entry)]),
  ];
  const config = await resolveConfig(new URL(import.meta.url));
  return format(lines.join('\n\n'), { ...config, parser: 'markdown' });
}

function entry({ name, node }: Exported): string {
  const statement = ts.isVariableDeclaration(node) ? node.parent.parent : node;
  const code = statement
    .getText()
    .replace(/^export (declare )?/, '')
    // TypeScript writes this line for a class with private members.
    .replaceAll(/^ *#private;\n/gm, '');
  // A constant without a value is a valid statement only with this keyword.
  const keyword = ts.isVariableDeclaration(node) ? 'declare ' : '';
  return [`### ${name}`, docstring(statement), `\`\`\`ts\n${keyword}${code}\n\`\`\``].join('\n\n');
}

/** Returns the text of the docstring, followed by its tags as a list. */
function docstring(node: ts.Node): string {
  const docs = ts.getJSDocCommentsAndTags(node).filter(ts.isJSDoc);
  const text = docs.map(({ comment }) => plain(comment)).join('\n\n');
  const tags = docs.flatMap(({ tags }) => [...(tags ?? [])]).map(tagLine);
  return [text, tags.join('\n')].filter(part => part !== '').join('\n\n');
}

function tagLine(tag: ts.JSDocTag): string {
  const text = plain(tag.comment).replaceAll(/\s*\n\s*/g, ' ');
  if (ts.isJSDocParameterTag(tag)) return `- \`${tag.name.getText()}\`: ${text}`;
  if (ts.isJSDocThrowsTag(tag)) {
    // TypeScript recognises an error type only in braces; here it is the first word.
    return `- throws ${tag.typeExpression ? `${tag.typeExpression.getText()} ` : ''}${text}`;
  }
  return `- ${tag.tagName.text}: ${text}`;
}

/** Returns text with its links as code, because their targets are on the same page. */
function plain(comment: string | ts.NodeArray<ts.JSDocComment> | undefined): string {
  if (comment === undefined || typeof comment === 'string') return comment ?? '';
  return comment
    .map(part => ('name' in part ? `\`${part.name?.getText() ?? ''}${part.text}\`` : part.text))
    .join('');
}
