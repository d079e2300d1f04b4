import { advice, PulseError, type PulseErrorKind } from '../../errors.ts';
import { brokerText } from './broker-text.ts';

/** Converts amqplib's error for a failed connect. amqplib gives the code only inside its message. */
export function connectError(error: unknown, where: string): PulseError {
  const text = textOf(error);
  if (/Handshake terminated by server: 403|ACCESS[-_]REFUSED/.test(text)) {
    return new PulseError('credentials', `${where} refused the user or the password`, { cause: error });
  }
  // The vhost is opened after the login. amqplib does not report why the broker closed the connection instead.
  if (/Expected ConnectionOpenOk; got <ConnectionClose|terminated by server: 530/.test(text)) {
    return new PulseError(
      'vhost',
      `${where} refused the vhost, which is the URL's path: it does not exist, is not for this user, or allows no more connections`,
      { cause: error },
    );
  }
  // The answer of an HTTP server, for example, read as a frame.
  if (/Frame size \d+ exceeds/.test(text)) {
    return new PulseError('connection', `${where} does not answer in AMQP: another service uses this port`, {
      cause: error,
    });
  }
  return new PulseError('connection', `${where} cannot be reached: ${text}`, { cause: error });
}

/** Converts an error that ended a channel or made a call on it fail. */
export function channelError(error: unknown): PulseError {
  if (error instanceof PulseError) return error;
  const kind = kindOf(error);
  const text = brokerText(textOf(error));
  return new PulseError(kind, text + advice(kind, text), { cause: error });
}

/** Converts an error that ended a connection. The kind is always `connection`, because a retry's login decides. */
export function connectionError(error: unknown): PulseError {
  const text = textOf(error);
  const words = brokerText(text);
  const message = words === text ? text : `the broker has closed the connection: ${words}`;
  return new PulseError('connection', error === undefined ? 'the connection was closed' : message, {
    cause: error,
  });
}

/** The content of a channel.close frame: the reply code and the method that caused it (0: none). */
interface Refusal {
  readonly code?: unknown;
  readonly classId?: unknown;
  readonly methodId?: unknown;
}

function kindOf(error: unknown): PulseErrorKind {
  // amqplib throws these for values that do not fit into a frame, before it sends any frame.
  if (error instanceof TypeError || error instanceof RangeError) return 'invalid';
  const refusal = (error ?? {}) as Refusal;
  switch (refusal.code) {
    case 403:
      return 'forbidden';
    case 404:
      return 'not-found';
    case 405:
      return 'locked';
    case 406:
      return isAboutDeliveries(refusal) ? 'connection' : 'mismatch';
    default:
      return 'connection';
  }
}

const BASIC = 60;
const SETTLING_METHODS: readonly unknown[] = [80, 90, 120]; // ack, reject, nack

/** A 406 also ends a channel if a message was unsettled for too long or was settled twice. That is not a refusal. */
function isAboutDeliveries({ classId, methodId }: Refusal): boolean {
  return classId === 0 || (classId === BASIC && SETTLING_METHODS.includes(methodId));
}

function textOf(error: unknown): string {
  if (error instanceof AggregateError) return error.errors.map(textOf).join('; ');
  return error instanceof Error ? error.message || error.name : String(error);
}
