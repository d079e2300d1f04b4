/** Decodes the escapes of a part of a URL (`%2F`). A part with an invalid escape is returned as it is. */
export function urlDecoded(part: string): string {
  try {
    return decodeURIComponent(part);
  } catch {
    return part;
  }
}
