import { PulseError, type PulseErrorKind } from '../errors.ts';

const KIND_OF_CODE: Readonly<Record<number, PulseErrorKind>> = {
  403: 'forbidden',
  404: 'not-found',
  405: 'locked',
  406: 'mismatch',
};

/** Puts what amqplib said of a failed connect into our words. amqplib tells the code only inside its message. */
export function connectError(error: unknown, where: string): PulseError {
  const text = textOf(error);
  if (/Handshake terminated by server: 403|ACCESS[-_]REFUSED/.test(text)) {
    return new PulseError('credentials', `${where} refused the user or the password`, { cause: error });
  }
  // After the login comes the vhost; amqplib does not tell why the broker closed instead of opening it.
  if (/Expected ConnectionOpenOk; got <ConnectionClose|terminated by server: 530/.test(text)) {
    return new PulseError(
      'vhost',
      `${where} refused the vhost: it does not exist, is not for this user, or allows no more connections`,
      { cause: error },
    );
  }
  return new PulseError('connection', `${where} can not be reached: ${text}`, { cause: error });
}

/** Puts what ended a channel, or made a call on it fail, into our words. */
export function channelError(error: unknown): PulseError {
  if (error instanceof PulseError) return error;
  const code = (error as { code?: unknown } | undefined)?.code;
  const kind = typeof code === 'number' ? KIND_OF_CODE[code] : undefined;
  return new PulseError(kind ?? 'connection', textOf(error), { cause: error });
}

/** Puts what ended a connection into our words: always worth another try, the next login decides. */
export function connectionError(error: unknown): PulseError {
  return new PulseError('connection', error === undefined ? 'the connection was closed' : textOf(error), {
    cause: error,
  });
}

function textOf(error: unknown): string {
  if (error instanceof AggregateError) return error.errors.map(textOf).join('; ');
  return error instanceof Error ? error.message || error.name : String(error);
}
