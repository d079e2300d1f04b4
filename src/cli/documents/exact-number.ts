/**
 * Whether a JSON number keeps its value when JavaScript reads and writes it. `9007199254740993` becomes
 * `9007199254740992`, `1e400` becomes `null`, and `0.1` stays `0.1`.
 */
export function isExact(text: string): boolean {
  const value = Number(text);
  return Number.isFinite(value) && canonical(text) === canonical(String(value));
}

/** Returns the digits of a decimal number without zeros at either end, and the matching power of ten. */
function canonical(text: string): string {
  const [, sign = '', whole = '', fraction = '', exponent = '0'] =
    /^(-?)(\d+)(?:\.(\d+))?(?:[eE]([+-]?\d+))?$/.exec(text) ?? [];
  const digits = trimmedEnd(`${whole}${fraction}`.replace(/^0+/, ''));
  if (digits === '') return '0';
  const dropped = `${whole}${fraction}`.replace(/^0+/, '').length - digits.length;
  return `${sign}${digits}e${Number(exponent) - fraction.length + dropped}`;
}

/** Removes trailing zeros. A regular expression would take quadratic time for many zeros. */
function trimmedEnd(digits: string): string {
  let end = digits.length;
  while (digits[end - 1] === '0') end--;
  return digits.slice(0, end);
}
