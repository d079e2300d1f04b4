/** Redacts the passwords of the URLs in a text: `amqps://worker:[redacted]@host`. */
export function withoutUrlPasswords(text: string): string {
  // Matching the scheme too would take quadratic time for long texts such as "a.a.a.a".
  return text.replace(/(:\/\/[^\s:@/"']*):[^\s/"']+@/g, '$1:[redacted]@');
}
