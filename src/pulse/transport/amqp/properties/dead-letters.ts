/**
 * Whether a RabbitMQ queue would crash if it had to dead-letter a message with these headers. RabbitMQ records deaths
 * in `x-death` and reads what a publisher has put there. If that is a list, each element must be a table (RabbitMQ
 * 3.10). Otherwise the queue crashes, restarts with the message in it, and crashes again.
 */
export function breakDeadLetters(headers: Readonly<Record<string, unknown>>): boolean {
  const deaths = headers['x-death'];
  return Array.isArray(deaths) && !deaths.every(isTable);
}

/** The same check for properties that cannot be decoded. It assumes a crash if they contain `x-death`. */
export function mayBreakDeadLetters(properties: Buffer): boolean {
  return properties.includes('x-death');
}

function isTable(value: unknown): boolean {
  return typeof value === 'object' && value !== null && !Array.isArray(value) && !Buffer.isBuffer(value);
}
