import { StringDecoder } from 'node:string_decoder';

/** Control characters except tabs and line feeds. */
// eslint-disable-next-line no-control-regex
const CONTROL = /[\u0000-\u0008\u000b-\u001f\u007f-\u009f]/;
const [BEL, CAN, SUB, ESC, CSI, ST] = ['\u0007', '\u0018', '\u001a', '\u001b', '\u009b', '\u009c'];
/** Each starts a control string: OSC (title, clipboard, links), DCS, SOS, PM, APC. */
const STRINGS = /[\]PX^_\u0090\u0098\u009d-\u009f]/;
/** The longest parameter list of a colour sequence that is kept. */
const MAX_PARAMETERS = 64;

/**
 * Makes a filter for the output of a task before it reaches a terminal. Text and colours pass. All other terminal
 * commands are removed: cursor moves, titles, the clipboard, links, and queries that the terminal would answer as if
 * typed. A sequence may be split across chunks. A line break always ends it.
 *
 * @returns a function from each chunk of output to the text to write
 */
export function terminalFilter(): (chunk: Uint8Array) => string {
  const decoder = new StringDecoder('utf8');
  let state: 'text' | 'escape' | 'csi' | 'string' = 'text';
  let parameters = '';

  const next = (character: string): string => {
    if (character === '\n') state = 'text';
    if (state === 'text' || character === ESC || character === CSI) return begin(character);
    if (character === CAN || character === SUB) state = 'text';
    else if (state === 'string') {
      if (character === BEL || character === ST) state = 'text';
    } else if (state === 'csi') return inSequence(character);
    else if (STRINGS.test(character)) state = 'string';
    else if (character === '[') [state, parameters] = ['csi', ''];
    // Characters from 0x20 to 0x2f are intermediate: the sequence continues.
    else if (character < ' ' || character > '/') state = 'text';
    return '';
  };

  const begin = (character: string): string => {
    state = 'text';
    if (character === ESC) state = 'escape';
    else if (character === CSI) [state, parameters] = ['csi', ''];
    else if (character > '\u007f' && STRINGS.test(character)) state = 'string';
    else if (character === '\r' || !CONTROL.test(character)) return character;
    return '';
  };

  const inSequence = (character: string): string => {
    if (character < '@' || character > '~') {
      parameters += parameters.length < MAX_PARAMETERS ? character : '';
      return '';
    }
    state = 'text';
    return character === 'm' && /^[\d;:]*$/.test(parameters) ? `${ESC}[${parameters}m` : '';
  };

  return chunk => {
    const text = decoder.write(Buffer.from(chunk.buffer, chunk.byteOffset, chunk.byteLength));
    if (state === 'text' && !CONTROL.test(text)) return text;
    return Array.from(text, next).join('');
  };
}
