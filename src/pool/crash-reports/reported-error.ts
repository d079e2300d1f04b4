import type { Scrub } from './scrub.ts';

/** The only fields of an error that may be reported. Its other fields may contain a task's data. */
export interface ReportedError {
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

/** How many errors of a chain of causes or an aggregate are reported. */
const MAX_ERRORS = 10;
const MAX_FRAMES = 50;
/** Matches the codes that the system and services give to errors. */
const CODE = /^[A-Za-z][A-Za-z0-9_-]{0,63}$/;

/** Returns the error itself, followed by its causes and the parts of aggregates. */
export function reportedErrors(error: unknown, scrub: Scrub): ReportedError[] {
  // Iterating over a set includes elements that are added meanwhile, and a set holds nothing twice.
  const found = new Set<unknown>([error]);
  for (const each of found) {
    if (found.size > MAX_ERRORS) break;
    for (const part of partsOf(each)) found.add(part);
  }
  return [...found].slice(0, MAX_ERRORS).map(each => reportedError(each, scrub));
}

function partsOf(error: unknown): readonly unknown[] {
  if (!(error instanceof Error)) return [];
  const errors: unknown = error instanceof AggregateError ? error.errors : [];
  return [
    ...(error.cause === undefined ? [] : [error.cause]),
    ...(Array.isArray(errors) ? (errors as unknown[]) : []),
  ];
}

function reportedError(error: unknown, scrub: Scrub): ReportedError {
  if (!(error instanceof Error)) return { type: typeof error, message: scrub(asText(error)), frames: [] };
  const { code } = error as NodeJS.ErrnoException;
  // Someone may have set any of these to something that is not text.
  const message = asText(error.message);
  const named = typeof code === 'string' && CODE.test(code) && !message.includes(code);
  return {
    type: scrub(asText(error.name)),
    message: scrub(named ? `${code}: ${message}` : message),
    frames: framesOf(asText(error.stack), scrub),
  };
}

/** An object may contain anything, so only its kind is reported. */
function asText(value: unknown): string {
  return typeof value === 'object' && value !== null ? Object.prototype.toString.call(value) : String(value);
}

/** Parses the frames of a V8 stack. The first lines of the stack repeat the message and are left out. */
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
  return frames.slice(0, MAX_FRAMES).toReversed();
}
