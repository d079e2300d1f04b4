import { readFile } from 'node:fs/promises';
import { extname } from 'node:path';
import { PROPERTIES } from '../../worker/config/index.ts';
import { jsonErrorOffset } from './json-position.ts';
import { cannotLoad, type Problem } from './problem.ts';
import { isKnown, unknownName, type Setting, type Source } from './source.ts';

type Parsed = { readonly content: unknown } | { readonly problems: readonly Problem[] };

/**
 * A configuration file, JSON or YAML 1.2: by the extension `.json`, `.yml` or `.yaml`, else JSON when it begins
 * with a brace. `null` means that the file does not set the property.
 */
export async function file(path: string): Promise<Source> {
  const place = `file ${path}`;
  let text: string;
  try {
    text = await readFile(path, 'utf8');
  } catch (error) {
    return unreadable([cannotLoad(`${place} can not be read: ${reason(error)}`)]);
  }
  // Editors on Windows begin a file with a byte order mark.
  const parsed = await parse(place, extname(path), text.replace(/^\uFEFF/, ''));
  if ('problems' in parsed) return unreadable(parsed.problems);

  const content = parsed.content ?? {};
  if (typeof content !== 'object' || Array.isArray(content)) {
    return unreadable([cannotLoad(`${place} has to hold one object, of property names and their values`)]);
  }
  const entries = Object.entries(content).filter(([, value]) => value !== null);
  return {
    settings: new Map(
      entries
        .filter(([name]) => isKnown(name))
        .map(([name, value]): [string, Setting] => [name, { value, place }]),
    ),
    problems: entries
      .filter(([name]) => !isKnown(name))
      .map(([name]) => unknownName(place, 'unknown property', name, PROPERTIES.keys())),
  };
}

function unreadable(problems: readonly Problem[]): Source {
  return { settings: new Map(), problems, unreadable: true };
}

async function parse(place: string, extension: string, text: string): Promise<Parsed> {
  const isYaml = /^\.ya?ml$/i.test(extension);
  const isJson = /^\.json$/i.test(extension) || (!isYaml && text.trimStart().startsWith('{'));
  return isJson ? parseJson(place, text) : parseYaml(place, text);
}

function parseJson(place: string, text: string): Parsed {
  try {
    return { content: JSON.parse(text) as unknown };
  } catch {
    const before = text.slice(0, jsonErrorOffset(text)).split('\n');
    const column = (before.at(-1)?.length ?? 0) + 1;
    return { problems: [cannotLoad(`${place}, line ${before.length}, column ${column}: not JSON`)] };
  }
}

async function parseYaml(place: string, text: string): Promise<Parsed> {
  const { LineCounter, parseDocument, visit } = await import('yaml');
  const lineCounter = new LineCounter();
  const document = parseDocument(text, { version: '1.2', logLevel: 'silent', lineCounter });
  const at = (offset: number) => {
    const { line, col } = lineCounter.linePos(offset);
    return `${place}, line ${line}, column ${col}: not YAML`;
  };
  // The parser's own messages quote the text, which may be a secret; its codes say enough.
  const problems = [...document.errors, ...document.warnings].map(({ code, pos }) =>
    cannotLoad(`${at(pos[0])} (${code.toLowerCase().replaceAll('_', ' ')})`),
  );
  visit(document, {
    Alias: (_, alias) => {
      if (!alias.resolve(document))
        problems.push(cannotLoad(`${at(alias.range?.[0] ?? 0)} (alias of nothing)`));
    },
  });
  if (problems.length > 0) return { problems };
  try {
    return { content: document.toJS() as unknown };
  } catch {
    // A few lines of aliases can stand for gigabytes; the parser stops early.
    return { problems: [cannotLoad(`${place}: its aliases (*name) stand for too much`)] };
  }
}

function reason(error: unknown): string {
  const { code } = error as NodeJS.ErrnoException;
  switch (code) {
    case 'ENOENT':
      return 'there is no such file';
    case 'EACCES':
      return 'permission denied';
    case 'EISDIR':
      return 'it is a directory';
    default:
      return code ?? String(error);
  }
}
