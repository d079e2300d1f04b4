import { isExact } from './exact-number.ts';
import { faultAt, INEXACT, unlessTooDeep, type Content, type Fault } from './fault.ts';
import { scanJson } from './json-scan.ts';

/** More are not shown, and to place each takes a look at the whole text before it. */
const MOST_FAULTS = 11;

/** Reads JSON, and refuses what `JSON.parse` would drop or alter without a word: duplicate names, numbers beyond its reach. */
export function readJson(text: string): Content {
  const faults: Fault[] = [];
  /** The names of each object that is open; an array has none. */
  const open: Set<string>[] = [];
  const errorOffset = scanJson(text, ({ text: token, offset, isName }) => {
    if (token === '{' || token === '[') open.push(new Set());
    else if (token === '}' || token === ']') open.pop();
    else if (isName) {
      const name = JSON.parse(token) as string;
      const names = open.at(-1);
      if (names?.has(name) && faults.length < MOST_FAULTS)
        faults.push(faultAt(text, offset, `duplicate name ${token}`));
      names?.add(name);
    } else if (faults.length < MOST_FAULTS && /^[-\d]/.test(token) && !isExact(token)) {
      faults.push(faultAt(text, offset, INEXACT));
    }
  });
  if (errorOffset !== undefined) return { faults: [faultAt(text, errorOffset, 'not JSON')] };
  if (faults.length > 0) return { faults };
  return unlessTooDeep(JSON.parse(text));
}
