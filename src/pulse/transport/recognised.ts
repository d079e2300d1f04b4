/** What a returned message shows of itself: AMQP does not say under which tag it was published. */
export interface Shown {
  readonly exchange: string;
  readonly routingKey: string;
  readonly content: Uint8Array;
  readonly properties: { readonly messageId?: string | undefined };
}

/**
 * Mandatory messages that are under way, found by what a returned one shows. No two of them are alike: the second has to wait
 * until the first is answered.
 */
export class Recognised<T> {
  readonly #byName = new Map<string, Map<Uint8Array, T>>();

  /** The one that looks like this message. */
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

  /** @param shown as it was added */
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

/** Headers are left out: not all brokers return them as they were. */
function nameOf({ exchange, routingKey, properties: { messageId = '' } }: Shown): string {
  return `${exchange}\0${routingKey}\0${messageId}`;
}
