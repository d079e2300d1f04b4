import { UnpackFault } from '../unpack-fault.ts';

/** How long a name in a message may be. */
const MOST_SHOWN = 200;
/** NAME_MAX and PATH_MAX of Linux, in bytes. */
const MOST_PART_BYTES = 255;
const MOST_BYTES = 4096;

/**
 * The path of an entry below the folder, in its plainest form: parts joined by single slashes, without `.`, and without a
 * slash at its start, where archives of whole machines have one. Names are bytes, each as one character (latin1): no
 * name need be text.
 *
 * @returns '' for the folder itself
 * @throws UnpackFault for a name that leads out of the folder, or that no file can have
 */
export function entryPath(name: string): string {
  if (name.includes('\0')) throw unsafe(name, 'a NUL byte is in it');
  const parts = name.split('/').filter(part => part !== '' && part !== '.');
  if (parts.includes('..')) throw unsafe(name, 'it has ".." in it');
  const path = parts.join('/');
  if (path.length > MOST_BYTES || parts.some(part => part.length > MOST_PART_BYTES)) throw tooLong(name);
  return path;
}

/** The error for an entry that must not be unpacked. */
export function unsafe(name: string, why: string): UnpackFault {
  return new UnpackFault('unsafe', `the archive has an entry ${shown(name)} that is not unpacked: ${why}`);
}

export function tooLong(name: string): UnpackFault {
  return unsafe(name, 'its name is longer than the system allows');
}

/** A name as it may be put into a log: quoted, without control characters, and not endlessly long. */
export function shown(name: string): string {
  const text = Buffer.from(name.slice(0, 4 * MOST_SHOWN), 'latin1').toString('utf8');
  const short = text.length > MOST_SHOWN ? `${text.slice(0, MOST_SHOWN)}…` : text;
  return JSON.stringify(short).replaceAll(/[\u007f-\u009f\u200e\u200f\u2028-\u202e\u2066-\u2069]/g, escaped);
}

function escaped(character: string): string {
  return `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`;
}

/** A name that is text, as the bytes that files have for it. */
export function bytesOf(text: string): string {
  return Buffer.from(text, 'utf8').toString('latin1');
}
