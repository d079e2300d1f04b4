/** Redacts the passwords of the URLs in a text: `amqps://worker:[redacted]@host`. */
export function withoutUrlPasswords(text: string): string {
  return text.replace(/(\b[a-z][a-z\d+.-]*:\/\/[^\s:@/"']*):[^\s@/"']+@/gi, '$1:[redacted]@');
}
