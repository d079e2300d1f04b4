import { isExact } from './exact-number.ts';
import { INEXACT, unlessTooDeep, type Content, type Fault } from './fault.ts';

/** A number in JSON's notation, optionally with a plus sign. YAML has further notations: `0x1F`, `0o17`, `.inf`. */
const DECIMAL = /^[-+]?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?$/;

/**
 * Reads one YAML 1.2 document, with merge keys (`<<`). Rejects duplicate keys, and numbers that JavaScript would
 * change.
 */
export async function readYaml(text: string): Promise<Content> {
  const { LineCounter, parseAllDocuments, visit } = await import('yaml');
  const lineCounter = new LineCounter();
  const at = (offset: number, message: string): Fault => {
    const { line, col } = lineCounter.linePos(offset);
    return { line, column: col, message };
  };
  try {
    const options = { version: '1.2', merge: true, logLevel: 'silent', lineCounter } as const;
    const [document, second] = [...parseAllDocuments(text, options)];
    if (document === undefined) return { content: null };
    // The parser's messages quote the text, which may contain a secret. Its error codes are enough.
    const faults = [...document.errors, ...document.warnings].map(({ code, pos }) =>
      at(pos[0], `not YAML (${code.toLowerCase().replaceAll('_', ' ')})`),
    );
    if (second) faults.push(at(second.range[0], 'a second document begins here, and only one can be read'));
    visit(document, {
      Alias: (_, alias) => {
        if (!alias.resolve(document)) faults.push(at(alias.range?.[0] ?? 0, 'not YAML (alias of nothing)'));
      },
      Scalar: (_, { value, source = '', range }) => {
        if (typeof value === 'number' && !isKept(value, source)) faults.push(at(range?.[0] ?? 0, INEXACT));
      },
    });
    if (faults.length > 0) return { faults: withoutRepeated(faults) };
    return unlessTooDeep(document.toJS());
  } catch (error) {
    // A few lines of aliases can expand to gigabytes, so the parser stops early.
    if (error instanceof ReferenceError)
      return { faults: [{ message: 'its aliases (*name) stand for too much' }] };
    if (error instanceof RangeError) return { faults: [{ message: 'it is nested too deeply' }] };
    return { faults: [{ message: 'not YAML' }] };
  }
}

/** The parser may report one mistake several times, for each structure that it breaks. */
function withoutRepeated(faults: readonly Fault[]): Fault[] {
  return [...new Map(faults.map(fault => [JSON.stringify(fault), fault])).values()];
}

function isKept(value: number, source: string): boolean {
  if (DECIMAL.test(source)) return isExact(source.replace(/^\+/, ''));
  return Number.isFinite(value) && (!Number.isInteger(value) || Number.isSafeInteger(value));
}
