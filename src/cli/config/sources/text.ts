import { PROPERTIES } from '../../../worker/config/index.ts';

/**
 * Converts the text of a variable or a flag into a value of the property's type.
 *
 * A text that does not fit the type stays a text. The schema then rejects it like a wrong value in a file.
 */
export function valueOfText(name: string, text: string): unknown {
  switch (PROPERTIES.get(name)?.type) {
    case 'integer':
    case 'seconds':
    case 'port':
      return /^[+-]?\d+(\.\d+)?$/.test(text) ? Number(text) : text;
    case 'boolean':
      return text === 'true' ? true : text === 'false' ? false : text;
    case 'object':
    case 'strings':
      return jsonOr(text);
    default:
      return text;
  }
}

function jsonOr(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
}
