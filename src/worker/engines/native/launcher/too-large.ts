import { readFileSync } from 'node:fs';
import type { Command } from '../../engine.ts';

/** Bytes that the programs before a command add to its arguments, with a reserve. */
const ADDED = 8 * 1024;
/** Bytes of the pointer to each argument and variable. */
const POINTER = 8;
/** Linux: 32 pages for one string (execve(2)), the NUL at its end included. */
const LONGEST_STRING = 128 * 1024;

/** Whether the system would refuse to start a command because its arguments and environment are too long. */
export function isTooLarge({ argv, env }: Command): boolean {
  const strings = [...argv, ...Object.entries(env).map(([name, value]) => `${name}=${value}`)];
  const sizes = strings.map(string => Buffer.byteLength(string) + 1);
  const longest = process.platform === 'linux' ? LONGEST_STRING : Infinity;
  const total = sizes.reduce((sum, size) => sum + size + POINTER, ADDED);
  return total > maxTotal() || sizes.some(size => size > longest);
}

let most: number | undefined;

/** Linux: a quarter of the stack's limit, 128 KB at least and 6 MB at most (execve(2)). macOS: 1 MB. In bytes. */
function maxTotal(): number {
  if (process.platform !== 'linux') return 1024 * 1024;
  most ??= Math.min(Math.max(stackLimit() / 4, 128 * 1024), 6 * 1024 * 1024);
  return most;
}

/** The worker's own stack limit in bytes, which commands inherit. */
function stackLimit(): number {
  const [, limit = ''] = /^Max stack size +(\S+)/m.exec(readFileSync('/proc/self/limits', 'latin1')) ?? [];
  return limit === 'unlimited' ? Infinity : Number(limit);
}
