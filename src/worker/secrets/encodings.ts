/** Bits of a base64 character, and of a byte. */
const BASE64_BITS = 6;
const BYTE_BITS = 8;
/** Programs break lines of base64 after this many characters: `base64` of coreutils, and `openssl base64`. */
const LINE_LENGTHS = [76, 64];

/**
 * Returns a text as it appears in base64, alone or inside a longer text.
 *
 * Three bytes become four characters, so there are three variants: the text may begin at the first, second or
 * third byte of a group. Characters that also depend on neighbouring text are omitted. They reveal at most two
 * bits at each end of the text, or four if it is the last.
 */
export function inBase64(text: string): string[] {
  const bytes = Buffer.from(text);
  const whole = bytes.toString('base64').replace(/=+$/, '');
  const wrapped = LINE_LENGTHS.filter(length => whole.length > length).map(length =>
    whole.replaceAll(new RegExp(`.{${length}}(?=.)`, 'g'), '$&\n'),
  );
  const standard = [0, 1, 2].map(before => {
    const first = Math.ceil((before * BYTE_BITS) / BASE64_BITS);
    const end = Math.floor(((before + bytes.length) * BYTE_BITS) / BASE64_BITS);
    return Buffer.concat([Buffer.alloc(before), bytes])
      .toString('base64')
      .slice(first, end);
  });
  return [...standard, ...standard.map(urlSafe), ...wrapped];
}

/** RFC 4648, section 5. */
function urlSafe(base64: string): string {
  return base64.replaceAll('+', '-').replaceAll('/', '_');
}

/**
 * Returns a text as it appears in a URL. Programs differ in the characters that they leave unescaped
 * (JavaScript `!'()*`, Python `/`), in how they write a space, and in the case of hexadecimal digits.
 */
export function inUrl(text: string): string[] {
  // No URL contains half of a surrogate pair.
  if (!text.isWellFormed()) return [];
  const usual = encodeURIComponent(text);
  const strict = usual.replaceAll(/[!'()*]/g, char => `%${char.charCodeAt(0).toString(16).toUpperCase()}`);
  const path = strict.replaceAll('%2F', '/');
  const form = strict.replaceAll('%20', '+');
  const lower = strict.replaceAll(/(?:%[0-9A-F]{2})+/g, escapes => escapes.toLowerCase());
  return [usual, strict, path, form, lower];
}

/** Returns a text as it appears in a JSON string. */
export function inJson(text: string): string {
  return JSON.stringify(text).slice(1, -1);
}
