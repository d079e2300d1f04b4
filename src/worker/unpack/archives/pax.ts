import { corrupt } from '../decoders/damage.ts';
import { readDigits } from './sparse.ts';

/** The records of a PAX header about the following entry. Names are bytes, with one character for each (latin1). */
export interface PaxRecords {
  /** The last value of each name. */
  readonly values: ReadonlyMap<string, string>;
  /** GNU's oldest form of sparse files has pairs of records with equal names. */
  readonly sparsePairs: readonly string[];
}

/**
 * Reads records of the form `<length> <name>=<value>\n`, whose length includes itself.
 *
 * @throws UnpackFault
 */
export function readPax(body: Buffer): PaxRecords {
  const values = new Map<string, string>();
  const sparsePairs: string[] = [];
  for (let at = 0; at < body.length;) {
    const space = body.indexOf(0x20, at);
    const length = space === -1 || space - at > 10 ? 0 : readDigits(body.toString('latin1', at, space));
    const record = body.toString('latin1', space + 1, at + length);
    const equals = record.indexOf('=');
    if (at + length > body.length || !record.endsWith('\n') || equals < 1) {
      throw corrupt('tar', 'a record of an extended header is wrong');
    }
    const name = record.slice(0, equals);
    const value = record.slice(equals + 1, -1);
    if (name === 'GNU.sparse.offset' || name === 'GNU.sparse.numbytes') sparsePairs.push(value);
    else values.set(name, value);
    at += length;
  }
  return { values, sparsePairs };
}
