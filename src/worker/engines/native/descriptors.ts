import { closeSync, openSync } from 'node:fs';

/**
 * Sees that so many more files can be opened before a program is started that needs as many.
 *
 * Where they run out half-way through a start, Node never closes the ends of pipes that it has made by then: each
 * failed start would leave the worker with fewer.
 *
 * @throws Error with the code EMFILE, or ENFILE
 */
export function assertDescriptors(count: number): void {
  const opened: number[] = [];
  try {
    while (opened.length < count) opened.push(openSync('/dev/null', 'r'));
  } finally {
    for (const descriptor of opened) closeSync(descriptor);
  }
}
