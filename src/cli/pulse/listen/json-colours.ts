import { styleText } from 'node:util';

const TOKEN = /("(?:[^"\\]|\\.)*")(\s*:)?|\b(true|false|null)\b|(-?\d[\d.eE+-]*)/g;

/** Colours JSON for people: names, strings, numbers and literals have different colours. */
export function colouredJson(json: string): string {
  return json.replaceAll(TOKEN, (token: string, text?: string, colon?: string, word?: string) => {
    if (text !== undefined && colon !== undefined) return `${style('cyan', text)}${colon}`;
    if (text !== undefined) return style('green', text);
    return style(word === undefined ? 'yellow' : 'magenta', token);
  });
}

/** The caller has already checked that colours are supported. */
function style(colour: 'cyan' | 'green' | 'yellow' | 'magenta', text: string): string {
  return styleText(colour, text, { validateStream: false });
}
