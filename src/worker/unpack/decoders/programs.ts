import { accessSync, constants, statSync } from 'node:fs';
import { delimiter, isAbsolute, join } from 'node:path';
import type { Compression } from '../formats.ts';
import { corrupt, truncated } from './damage.ts';
import { outputOf, type Program, type ProgramWatch } from './run-program.ts';

/**
 * The programs that decompress from standard input to standard output, in order of preference. Each of them
 * detects truncated input.
 */
const PROGRAMS: Readonly<Partial<Record<Compression, readonly (readonly [string, ...string[]])[]>>> = {
  bz2: [['bzip2', '-dc']],
  lz: [
    ['lzip', '-dca'],
    ['plzip', '-dca'],
    ['clzip', '-dca'],
    ['lunzip', '-dca'],
  ],
  lz4: [['lz4', '-dcq']],
  mz: [['mz', 'd', '-']],
  // Without a limit, a small file can demand 4 GiB of memory.
  xz: [['xz', '-dc', '--memlimit-decompress=1GiB']],
};

/** Finds an installed program in the folders of a search path. Relative folders are ignored. */
export function installed(name: string, path = process.env.PATH ?? ''): string | undefined {
  return path
    .split(delimiter)
    .filter(isAbsolute)
    .map(folder => join(folder, name))
    .find(isExecutable);
}

/**
 * Finds an installed program that decompresses a format, on the worker's own search path. At the worker's
 * start, folders that tasks can write to were removed from it.
 */
export function programFor(format: Compression, path = process.env.PATH ?? ''): Program | undefined {
  for (const [name, ...args] of PROGRAMS[format] ?? []) {
    const file = installed(name, path);
    if (file !== undefined) return [file, ...args];
  }
  return undefined;
}

/** Returns the names of suitable programs. */
export function programNames(format: Compression): string[] {
  return (PROGRAMS[format] ?? []).map(([name]) => name);
}

function isExecutable(file: string): boolean {
  try {
    accessSync(file, constants.X_OK);
    return statSync(file).isFile();
  } catch {
    return false;
  }
}

/** Decompresses with a program, which has ended when this ends. */
export async function* decodedByProgram(
  format: Compression,
  program: Program,
  pieces: AsyncIterable<Buffer>,
  watch?: ProgramWatch,
): AsyncGenerator<Buffer, void, undefined> {
  let isEmpty = true;
  const input = async function* () {
    for await (const piece of pieces) {
      isEmpty = false;
      yield piece;
    }
  };
  const failure = (complaint: string) =>
    /truncated|unexpected(ly)?\b.*\bend|ends? unexpectedly|premature/i.test(complaint)
      ? truncated(format)
      : corrupt(format, complaint);
  yield* outputOf(program, { input: input() }, failure, watch);
  // Some programs accept empty input as empty content.
  if (isEmpty) throw truncated(format);
}
