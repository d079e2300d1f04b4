import { scanJson } from './json-scan.ts';

/** Puts JSON on one line: removes the white space between tokens and changes nothing else. */
export function compact(json: string): string {
  return tokensOf(json).join('');
}

/** Lays JSON out with a line for each member, as `JSON.stringify` does, and keeps every token unchanged. */
export function laidOut(json: string, indent: number, level = 0): string {
  const tokens = tokensOf(json);
  let depth = level;
  let laid = '';
  const newLine = () => `\n${' '.repeat(indent * depth)}`;
  tokens.forEach((token, at) => {
    const before = tokens[at - 1];
    const isEmpty = (before === '{' && token === '}') || (before === '[' && token === ']');
    if (token === '}' || token === ']') {
      depth--;
      laid += isEmpty ? token : `${newLine()}${token}`;
      return;
    }
    if (before === '{' || before === '[' || before === ',') laid += newLine();
    laid += token === ':' ? ': ' : token;
    if (token === '{' || token === '[') depth++;
  });
  return laid;
}

/** Returns the text of a member of the top-level object. If the name occurs more than once, the last member counts. */
export function memberText(json: string, name: string): string | undefined {
  let depth = 0;
  let start: number | undefined;
  let isWanted = false;
  let found: string | undefined;
  const end = (offset: number) => {
    if (start !== undefined && isWanted) found = json.slice(start, offset).trim();
    start = undefined;
  };
  scanJson(json, ({ text, offset, isName }) => {
    if (depth === 1 && (text === ',' || text === '}')) end(offset);
    else if (depth === 1 && isName) isWanted = JSON.parse(text) === name;
    else if (depth === 1 && text === ':') start = offset + 1;
    if (text === '{' || text === '[') depth++;
    if (text === '}' || text === ']') depth--;
  });
  return found;
}

function tokensOf(json: string): string[] {
  const tokens: string[] = [];
  scanJson(json, ({ text }) => {
    tokens.push(text);
  });
  return tokens;
}
