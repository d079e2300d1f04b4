import type { Scrub } from './scrub.ts';

/** What may be told of an error: no field of it but these. Whatever else an error carries may be a task's. */
export interface ToldError {
  readonly type: string;
  readonly message: string;
  /** Outermost call first. */
  readonly frames: readonly Frame[];
}

export interface Frame {
  readonly function: string;
  readonly filename: string;
  readonly lineno: number;
  readonly colno: number;
}

/** So many errors are told of a chain of causes, or of an aggregate. */
const MOST_ERRORS = 10;
const MOST_FRAMES = 50;
/** Words by which the system and services name an error. */
const CODE = /^[A-Za-z][A-Za-z0-9_-]{0,63}$/;

/** An error, what caused it, and what it is made of: the error itself first. */
export function toldErrors(error: unknown, scrub: Scrub): ToldError[] {
  // A set goes on to what is added while it is gone through, and takes nothing twice.
  const found = new Set<unknown>([error]);
  for (const each of found) {
    if (found.size > MOST_ERRORS) break;
    if (!(each instanceof Error)) continue;
    if (each.cause !== undefined) found.add(each.cause);
    if (each instanceof AggregateError) for (const part of each.errors as unknown[]) found.add(part);
  }
  return [...found].slice(0, MOST_ERRORS).map(each => toldError(each, scrub));
}

function toldError(error: unknown, scrub: Scrub): ToldError {
  if (!(error instanceof Error)) return { type: typeof error, message: scrub(asText(error)), frames: [] };
  const { code } = error as NodeJS.ErrnoException;
  const named = typeof code === 'string' && CODE.test(code) && !error.message.includes(code);
  return {
    type: scrub(String(error.name)),
    message: scrub(named ? `${code}: ${error.message}` : error.message),
    frames: framesOf(error.stack ?? '', scrub),
  };
}

/** What is thrown without being an error may hold anything: of an object only its kind is told. */
function asText(thrown: unknown): string {
  return typeof thrown === 'object' && thrown !== null
    ? Object.prototype.toString.call(thrown)
    : String(thrown);
}

/** Reads the frames of a stack as V8 writes it. Its first lines repeat the message, and are left out. */
function framesOf(stack: string, scrub: Scrub): Frame[] {
  const frames = stack.split('\n').flatMap((line): Frame[] => {
    const [, name = '<anonymous>', filename, lineno, colno] =
      /^\s+at (?:(?:async )?(.+?) \()?((?:file:|node:|\/|[A-Za-z]:\\)[^()]*?):(\d+):(\d+)\)?$/.exec(line) ??
      [];
    if (filename === undefined) return [];
    return [
      { function: scrub(name), filename: scrub(filename), lineno: Number(lineno), colno: Number(colno) },
    ];
  });
  return frames.slice(0, MOST_FRAMES).toReversed();
}
