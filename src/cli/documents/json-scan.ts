const BLANK = /[ \t\r\n]*/y;
const TOKEN = /[{}[\],:]|-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?|true|false|null/y;

type Expected = 'value' | 'value or ]' | 'name' | 'name or }' | ':' | ', or ]' | ', or }' | 'nothing';

/** One token of a JSON text. */
export interface JsonToken {
  readonly text: string;
  /** Its offset in the whole text. */
  readonly offset: number;
  /** Whether it is the name of an object member. */
  readonly isName: boolean;
}

/**
 * Reads a JSON text token by token. `JSON.parse` does not always say where a text stops being JSON, and its messages
 * quote the text, which may contain a secret.
 *
 * @param onToken called for each token, without the white space between them
 * @returns the offset of the first token that is not allowed there, the length of a text that ends too early, or
 *   undefined for valid JSON
 */
export function scanJson(
  text: string,
  onToken: (token: JsonToken) => void = () => undefined,
): number | undefined {
  const open: ('{' | '[')[] = [];
  let expected: Expected = 'value';
  let offset = 0;
  for (;;) {
    offset = endOf(BLANK, text, offset) ?? offset;
    if (offset === text.length) return expected === 'nothing' ? undefined : offset;
    const end = text[offset] === '"' ? endOfString(text, offset) : endOf(TOKEN, text, offset);
    if (end === undefined) return offset;
    const token = text.slice(offset, end);
    const next = after(expected, token, open);
    if (next === undefined) return offset;
    onToken({ text: token, offset, isName: next === ':' });
    expected = next;
    offset = end;
  }
}

// eslint-disable-next-line no-control-regex
const STOPS_IN_STRING = /["\\\u0000-\u001f]/g;
const ESCAPE = /\\(?:["\\/bfnrt]|u[\da-fA-F]{4})/y;

/**
 * Finds the end of a string without one regular expression for the whole string, which would need a stack as deep as
 * the string is long.
 */
function endOfString(text: string, start: number): number | undefined {
  for (let offset = start + 1; ;) {
    STOPS_IN_STRING.lastIndex = offset;
    const stop = STOPS_IN_STRING.exec(text);
    if (stop?.[0] === '"') return stop.index + 1;
    const end = stop?.[0] === '\\' ? endOf(ESCAPE, text, stop.index) : undefined;
    if (end === undefined) return undefined;
    offset = end;
  }
}

function endOf(pattern: RegExp, text: string, offset: number): number | undefined {
  pattern.lastIndex = offset;
  return pattern.test(text) ? pattern.lastIndex : undefined;
}

/** Returns what must follow a token; undefined if the token is not allowed here. */
function after(expected: Expected, token: string, open: ('{' | '[')[]): Expected | undefined {
  switch (expected) {
    case 'name or }':
      if (token === '}') return closed(open);
      return token.startsWith('"') ? ':' : undefined;
    case 'name':
      return token.startsWith('"') ? ':' : undefined;
    case ':':
      return token === ':' ? 'value' : undefined;
    case ', or }':
      return token === '}' ? closed(open) : token === ',' ? 'name' : undefined;
    case ', or ]':
      return token === ']' ? closed(open) : token === ',' ? 'value' : undefined;
    case 'nothing':
      return undefined;
    case 'value or ]':
      return token === ']' ? closed(open) : afterValue(token, open);
    case 'value':
      return afterValue(token, open);
  }
}

function afterValue(token: string, open: ('{' | '[')[]): Expected | undefined {
  if (token === '{' || token === '[') {
    open.push(token);
    return token === '{' ? 'name or }' : 'value or ]';
  }
  return '}],:'.includes(token) ? undefined : inside(open);
}

function closed(open: ('{' | '[')[]): Expected {
  open.pop();
  return inside(open);
}

function inside(open: readonly ('{' | '[')[]): Expected {
  const innermost = open.at(-1);
  return innermost === undefined ? 'nothing' : innermost === '{' ? ', or }' : ', or ]';
}
