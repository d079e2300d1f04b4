import { isExact } from './exact-number.ts';
import { faultAt, INEXACT, unlessTooDeep, type Content, type Fault } from './fault.ts';
import { scanJson } from './json-scan.ts';

/** No more faults than this are shown, and finding the position of each scans the whole text before it. */
const MAX_FAULTS = 11;

/** Reads JSON. Rejects duplicate names and inexact numbers, which `JSON.parse` would silently drop or change. */
export function readJson(text: string): Content {
  if (text.trim() === '') return { faults: [{ message: 'it is empty' }] };
  const faults: Fault[] = [];
  /** The names in each open object; always empty for an array. */
  const open: Set<string>[] = [];
  const errorOffset = scanJson(text, ({ text: token, offset, isName }) => {
    if (token === '{' || token === '[') open.push(new Set());
    else if (token === '}' || token === ']') open.pop();
    else if (isName) {
      const name = JSON.parse(token) as string;
      const names = open.at(-1);
      if (names?.has(name) && faults.length < MAX_FAULTS)
        faults.push(faultAt(text, offset, `duplicate name ${token}`));
      names?.add(name);
    } else if (faults.length < MAX_FAULTS && /^[-\d]/.test(token) && !isExact(token)) {
      faults.push(faultAt(text, offset, INEXACT));
    }
  });
  if (errorOffset !== undefined) {
    const ends = errorOffset >= text.trimEnd().length;
    return { faults: [faultAt(text, errorOffset, ends ? 'not JSON (it ends too early)' : 'not JSON')] };
  }
  if (faults.length > 0) return { faults };
  return unlessTooDeep(JSON.parse(text));
}
