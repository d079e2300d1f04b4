const BLANK = /[ \t\r\n]*/y;
const TOKEN =
  /[{}[\],:]|"(?:[ !#-[\]-\uffff]|\\(?:["\\/bfnrt]|u[\da-fA-F]{4}))*"|-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?|true|false|null/y;

type Expected = 'value' | 'value or ]' | 'name' | 'name or }' | ':' | ', or ]' | ', or }' | 'nothing';

/**
 * Where a text stops being JSON: the offset of the first token that can not stand there, the text's length when
 * it ends too early, undefined for JSON. `JSON.parse` does not always say, and its messages quote the text.
 */
export function jsonErrorOffset(text: string): number | undefined {
  const open: ('{' | '[')[] = [];
  let expected: Expected = 'value';
  let offset = 0;
  for (;;) {
    offset = endOf(BLANK, text, offset) ?? offset;
    if (offset === text.length) return expected === 'nothing' ? undefined : offset;
    const end = endOf(TOKEN, text, offset);
    const next: Expected | undefined =
      end === undefined ? undefined : after(expected, text.slice(offset, end), open);
    if (end === undefined || next === undefined) return offset;
    expected = next;
    offset = end;
  }
}

function endOf(pattern: RegExp, text: string, offset: number): number | undefined {
  pattern.lastIndex = offset;
  return pattern.test(text) ? pattern.lastIndex : undefined;
}

/** What has to come after a token; undefined when the token itself is out of place. */
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
