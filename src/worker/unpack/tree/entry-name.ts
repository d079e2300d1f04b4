import { UnpackFault } from '../unpack-fault.ts';

/** Limit for the length of a name in a message. */
const MAX_SHOWN = 200;
/** NAME_MAX and PATH_MAX of Linux, in bytes. */
const MAX_PART_BYTES = 255;
const MAX_BYTES = 4096;

/**
 * Returns the path of an entry below the folder, in normal form: parts joined by single slashes, without `.`,
 * and without a leading slash, which archives of whole machines have. Names are bytes, with one character for
 * each (latin1), because they need not be text.
 *
 * @returns '' for the folder itself
 * @throws UnpackFault for a name that leads out of the folder, or that no file can have
 */
export function entryPath(name: string): string {
  if (name.includes('\0')) throw unsafe(name, 'a NUL byte is in it');
  const parts = name.split('/').filter(part => part !== '' && part !== '.');
  if (parts.includes('..')) throw unsafe(name, 'it has ".." in it');
  const path = parts.join('/');
  if (path.length > MAX_BYTES || parts.some(part => part.length > MAX_PART_BYTES)) throw tooLong(name);
  return path;
}

/** Creates the error for an entry that must not be unpacked. */
export function unsafe(name: string, why: string): UnpackFault {
  return new UnpackFault('unsafe', `the archive has an entry ${shown(name)} that is not unpacked: ${why}`);
}

export function tooLong(name: string): UnpackFault {
  return unsafe(name, 'its name is longer than the system allows');
}

/** Formats a name for a log: quoted, without control characters, and of limited length. */
export function shown(name: string): string {
  const text = Buffer.from(name.slice(0, 4 * MAX_SHOWN), 'latin1').toString('utf8');
  const short = text.length > MAX_SHOWN ? `${text.slice(0, MAX_SHOWN)}…` : text;
  return JSON.stringify(short).replaceAll(/[\u007f-\u009f\u200e\u200f\u2028-\u202e\u2066-\u2069]/g, escaped);
}

function escaped(character: string): string {
  return `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`;
}

/** Converts a name from text to the bytes of a file name. */
export function bytesOf(text: string): string {
  return Buffer.from(text, 'utf8').toString('latin1');
}
