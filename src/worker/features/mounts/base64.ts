const BASE64 = /^(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?$/;

/** Decodes base64, which may contain line breaks. Returns undefined for any other text. */
export function decodedBase64(text: string): Buffer | undefined {
  const letters = text.replaceAll(/[\r\n]/g, '');
  return BASE64.test(letters) ? Buffer.from(letters, 'base64') : undefined;
}
