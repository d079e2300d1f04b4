/** The style of text, from SGR sequences (ECMA-48, "select graphic rendition"). */
interface Look {
  readonly colour?: string | undefined;
  readonly bold?: boolean;
  readonly dim?: boolean;
}

/** The terminal colours 30 to 37 and 90 to 97, legible on a dark background. */
const COLOURS = ['#8b949e', '#ff7b72', '#56d364', '#e3b341', '#79c0ff', '#d2a8ff', '#56d4dd', '#e6edf3'];
const FOREGROUND = '#e6edf3';
const BACKGROUND = '#0d1117';

const CELL = { width: 8.4, height: 19 };
const MARGIN = 16;

/** Draws the output of a command, with its colours, as an SVG picture of a terminal. */
export function terminalPicture(output: string, columns: number): string {
  const rows = output.trimEnd().split('\n');
  let look: Look = {};
  const lines: string[] = [];
  for (const row of rows) {
    const [spans, after] = spansOf(row, look);
    look = after;
    lines.push(...wrapped(spans, columns).map(line => line.map(drawn).join('')));
  }
  const width = Math.ceil(columns * CELL.width + 2 * MARGIN);
  const height = lines.length * CELL.height + 2 * MARGIN;
  const texts = lines.map((line, n) => {
    const y = MARGIN + (n + 0.75) * CELL.height;
    return line === '' ? '' : `<text x="${MARGIN}" y="${y}">${line}</text>\n`;
  });
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" width="${width}" height="${height}" role="img" aria-label="Output of a terminal">
<rect width="100%" height="100%" rx="8" fill="${BACKGROUND}"/>
<g font-family="ui-monospace, SFMono-Regular, Menlo, Consolas, 'DejaVu Sans Mono', monospace" font-size="14" fill="${FOREGROUND}" xml:space="preserve">
${texts.join('')}</g>
</svg>
`;
}

interface Span {
  readonly text: string;
  readonly look: Look;
}

/** Splits a line into pieces of text with one style. Also returns the style for the text after it. */
function spansOf(line: string, before: Look): [Span[], Look] {
  const spans: Span[] = [];
  let look = before;
  // eslint-disable-next-line no-control-regex
  for (const part of line.split(/(\u001b\[[\d;]*m)/)) {
    if (part.startsWith('\u001b')) look = changed(look, part.slice(2, -1));
    else if (part !== '') spans.push({ text: part, look });
  }
  return [spans, look];
}

function changed(look: Look, parameters: string): Look {
  let result = look;
  for (const code of parameters.split(';').map(Number)) {
    if (code === 0) result = {};
    else if (code === 1) result = { ...result, bold: true };
    else if (code === 2) result = { ...result, dim: true };
    else if (code === 22) result = { ...result, bold: false, dim: false };
    else if (code === 39) result = { ...result, colour: undefined };
    else if ((code >= 30 && code <= 37) || (code >= 90 && code <= 97))
      result = { ...result, colour: COLOURS[code % 10] };
  }
  return result;
}

/** Breaks a line that is wider than the terminal. */
function wrapped(spans: readonly Span[], columns: number): Span[][] {
  const lines: Span[][] = [[]];
  let used = 0;
  for (const { text, look } of spans) {
    let rest = Array.from(text);
    while (rest.length > 0) {
      if (used === columns) {
        lines.push([]);
        used = 0;
      }
      const fits = rest.slice(0, columns - used);
      lines.at(-1)?.push({ text: fits.join(''), look });
      used += fits.length;
      rest = rest.slice(fits.length);
    }
  }
  return lines;
}

function drawn({ text, look: { colour, bold, dim } }: Span): string {
  const attributes = [
    colour === undefined ? '' : ` fill="${colour}"`,
    bold ? ' font-weight="bold"' : '',
    dim ? ' opacity="0.6"' : '',
  ].join('');
  // An SVG would drop spaces at the beginning of a line.
  const escaped = text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll(' ', '\u00a0');
  return attributes === '' ? escaped : `<tspan${attributes}>${escaped}</tspan>`;
}
