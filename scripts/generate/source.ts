import { readFile } from 'node:fs/promises';

import { EXIT_UNREACHABLE, GenerateFailure } from './failure.ts';

/** The source of reference documents. */
export interface Source {
  /** Reads and parses a document, such as `/references/queue/v1/api.json`. Each is read once. */
  read(path: string): Promise<unknown>;
  /** Returns the path and fragment that `reference`, found in the document at `path`, points to. */
  resolve(reference: string, path: string): { path: string; fragment: string };
}

/** One document of a list file. `filename` is its path without the leading slash. */
interface ListedDocument {
  filename: string;
  content: unknown;
}

/** An arbitrary origin, which lets `URL` resolve the paths of a list file. */
const NOWHERE = 'https://references.invalid';

/**
 * Opens the reference documents of a Taskcluster release: a JSON file that lists them as
 * `{filename, content}`, or the root URL of a running deployment, which serves the same documents.
 *
 * @throws GenerateFailure when it is neither, or cannot be read
 */
export async function openSource(location: string): Promise<Source> {
  if (!/^https?:/i.test(location)) return source(NOWHERE, await listFile(location));
  if (!URL.canParse(location)) throw new GenerateFailure(`${location} is not a valid root URL`);
  const { origin, pathname, search, hash } = new URL(location);
  if (pathname !== '/' || search || hash) {
    throw new GenerateFailure(`${location} is not a root URL: Taskcluster's documents lie at ${origin}/`);
  }
  return source(origin, path => fetchDocument(origin + path));
}

function source(origin: string, load: (path: string) => Promise<unknown>): Source {
  const documents = new Map<string, Promise<unknown>>();
  return {
    read(path) {
      const document = documents.get(path) ?? load(path);
      documents.set(path, document);
      return document;
    },
    resolve(reference, path) {
      const target = URL.canParse(reference, origin + path) ? new URL(reference, origin + path) : undefined;
      if (target?.origin !== origin) {
        throw new GenerateFailure(`${path} refers to ${reference}, which is not among the references`);
      }
      return { path: target.pathname, fragment: decodeURIComponent(target.hash.slice(1)) };
    },
  };
}

async function listFile(file: string): Promise<(path: string) => Promise<unknown>> {
  const text = await readFile(file, 'utf8').catch((cause: unknown) => {
    throw new GenerateFailure(`cannot read ${file}: ${reason(cause)}`, undefined, { cause });
  });
  const list = parse(text, file);
  if (!Array.isArray(list) || !list.every(isListedDocument)) {
    throw new GenerateFailure(`${file} is not a list of {filename, content}`);
  }
  const documents = new Map(
    list.map(({ filename, content }) => [`/${filename.replace(/^\//, '')}`, content]),
  );
  return async path => {
    if (!documents.has(path)) throw new GenerateFailure(`${file} has no ${path.slice(1)}`);
    return documents.get(path);
  };
}

async function fetchDocument(url: string): Promise<unknown> {
  const unreachable = (cause: unknown): never => {
    throw new GenerateFailure(`cannot reach ${url}: ${reason(cause)}`, EXIT_UNREACHABLE, { cause });
  };
  const response = await fetch(url, { signal: AbortSignal.timeout(30_000) }).catch(unreachable);
  if (!response.ok) throw new GenerateFailure(`${url} answered ${response.status}`, EXIT_UNREACHABLE);
  return parse(await response.text().catch(unreachable), url);
}

function parse(text: string, where: string): unknown {
  try {
    return JSON.parse(text);
  } catch (cause) {
    throw new GenerateFailure(`${where} is not JSON: ${reason(cause)}`, undefined, { cause });
  }
}

function isListedDocument(value: unknown): value is ListedDocument {
  return (
    typeof value === 'object' &&
    value !== null &&
    'content' in value &&
    'filename' in value &&
    typeof value.filename === 'string'
  );
}

/** Returns the message of the innermost cause: `fetch` itself says only "fetch failed". */
function reason(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  if (error.cause !== undefined) return reason(error.cause);
  return (error.message || error.name).split('\n', 1).join();
}
