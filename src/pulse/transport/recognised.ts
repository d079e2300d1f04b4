/** The identifying parts of a returned message. AMQP does not return the tag under which it was published. */
export interface Shown {
  readonly exchange: string;
  readonly routingKey: string;
  readonly content: Uint8Array;
  readonly properties: { readonly messageId?: string | undefined };
}

/**
 * Mandatory messages that are on their way, to be identified when they are returned. No two of them are identical,
 * because a second one waits until the first is answered.
 */
export class Recognised<T> {
  readonly #byName = new Map<string, Map<Uint8Array, T>>();

  /** Finds the message with the same identifying parts. */
  find(shown: Shown): T | undefined {
    const same = this.#byName.get(nameOf(shown));
    if (!same) return undefined;
    for (const [content, message] of same) {
      if (Buffer.compare(content, shown.content) === 0) return message;
    }
    return undefined;
  }

  add(shown: Shown, message: T): void {
    const name = nameOf(shown);
    const same = this.#byName.get(name);
    if (same) same.set(shown.content, message);
    else this.#byName.set(name, new Map([[shown.content, message]]));
  }

  /** @param shown the same object that was added */
  delete(shown: Shown): void {
    const name = nameOf(shown);
    const same = this.#byName.get(name);
    same?.delete(shown.content);
    if (same?.size === 0) this.#byName.delete(name);
  }

  clear(): void {
    this.#byName.clear();
  }
}

/** Headers are not part of the name, because not all brokers return them unchanged. */
function nameOf({ exchange, routingKey, properties: { messageId = '' } }: Shown): string {
  return `${exchange}\0${routingKey}\0${messageId}`;
}
