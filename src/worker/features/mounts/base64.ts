const BASE64 = /^(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?$/;

/** What base64 stands for, which may have line breaks in it; undefined for what is not base64. */
export function decodedBase64(text: string): Buffer | undefined {
  const letters = text.replaceAll(/[\r\n]/g, '');
  return BASE64.test(letters) ? Buffer.from(letters, 'base64') : undefined;
}
