import { styleText } from 'node:util';

const TOKEN = /("(?:[^"\\]|\\.)*")(\s*:)?|\b(true|false|null)\b|(-?\d[\d.eE+-]*)/g;

/** JSON for a person: names, texts, numbers and words in colours of their own. */
export function colouredJson(json: string): string {
  return json.replaceAll(TOKEN, (token: string, text?: string, colon?: string, word?: string) => {
    if (text !== undefined && colon !== undefined) return `${style('cyan', text)}${colon}`;
    if (text !== undefined) return style('green', text);
    return style(word === undefined ? 'yellow' : 'magenta', token);
  });
}

/** Whether there are colours has been found out before. */
function style(colour: 'cyan' | 'green' | 'yellow' | 'magenta', text: string): string {
  return styleText(colour, text, { validateStream: false });
}
