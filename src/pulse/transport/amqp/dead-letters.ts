/**
 * Whether RabbitMQ's queue would crash if it had to dead-letter a message with these headers. It writes deaths into
 * `x-death`, and reads what a publisher has put there: in a list, each element has to be a table (RabbitMQ 3.10). The queue is
 * started again with the message in it, and crashes again.
 */
export function breakDeadLetters(headers: Readonly<Record<string, unknown>>): boolean {
  const deaths = headers['x-death'];
  return Array.isArray(deaths) && !deaths.every(isTable);
}

/** The same of headers that cannot be read, which is taken for granted where they speak of deaths. */
export function mayBreakDeadLetters(properties: Buffer): boolean {
  return properties.includes('x-death');
}

function isTable(value: unknown): boolean {
  return typeof value === 'object' && value !== null && !Array.isArray(value) && !Buffer.isBuffer(value);
}
