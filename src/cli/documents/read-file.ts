import { createReadStream } from 'node:fs';
import { extname } from 'node:path';
import { placed, type Content } from './fault.ts';
import { readJson } from './json.ts';
import { readYaml } from './yaml.ts';

/** In bytes: far more than anyone writes by hand, and a limit for devices that never end. */
const LARGEST = 16 * 1024 * 1024;

/** More problems would not help the reader to find the first one. */
const MAX_PROBLEMS = 10;

const REASONS: Readonly<Record<string, string>> = {
  ENOENT: 'there is no such file',
  EACCES: 'permission denied',
  EISDIR: 'it is a directory',
  ENOTDIR: 'a part of its path is not a directory',
  ELOOP: 'its symbolic links lead in a circle',
  ENAMETOOLONG: 'its name is too long',
};

/**
 * Reads a file that contains one JSON or YAML 1.2 document. The extension decides which. Without `.json`, `.yml` or
 * `.yaml`, a text that begins with a brace is read as JSON.
 *
 * @param place the name of the file in messages
 * @returns the content, or a message for each problem
 */
export async function readDocument(
  path: string,
  place: string,
): Promise<{ readonly content: unknown } | { readonly problems: readonly string[] }> {
  const read = await readText(path, place);
  if ('problem' in read) return { problems: [read.problem] };
  const parsed = await parse(extname(path), read.text);
  if ('content' in parsed) return parsed;
  const problems = parsed.faults.slice(0, MAX_PROBLEMS).map(fault => placed(place, fault));
  const more = parsed.faults.length - problems.length;
  return { problems: more > 0 ? [...problems, `${place}: and ${more} more`] : problems };
}

async function parse(extension: string, text: string): Promise<Content> {
  const isYaml = /^\.ya?ml$/i.test(extension);
  const isJson = /^\.json$/i.test(extension) || (!isYaml && text.trimStart().startsWith('{'));
  return isJson ? readJson(text) : readYaml(text);
}

async function readText(
  path: string,
  place: string,
): Promise<{ readonly text: string } | { readonly problem: string }> {
  if (path === '') return { problem: `${place.trim() || 'the task file'} cannot be read: its name is empty` };
  const chunks: Buffer[] = [];
  try {
    for await (const chunk of createReadStream(path, { end: LARGEST })) chunks.push(chunk as Buffer);
  } catch (error) {
    const { code = '', message } = error as NodeJS.ErrnoException;
    // Node rejects a path with a NUL byte before the system sees it.
    const reason =
      code === 'ERR_INVALID_ARG_VALUE' ? 'its path holds a NUL byte' : (REASONS[code] ?? (code || message));
    return { problem: `${place} cannot be read: ${reason}` };
  }
  const bytes = Buffer.concat(chunks);
  if (bytes.length > LARGEST) return { problem: `${place} cannot be read: it is larger than 16 MB` };
  try {
    // Editors on Windows start a file with a byte order mark, which the decoder drops.
    return { text: new TextDecoder('utf-8', { fatal: true }).decode(bytes) };
  } catch {
    return { problem: `${place} cannot be read: it is not UTF-8` };
  }
}
