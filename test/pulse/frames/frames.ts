import { connect as connectRaw } from 'amqplib';
import { once } from 'node:events';
import { connect as connectSocket, createServer, type AddressInfo, type Socket } from 'node:net';

const FRAME_END = 0xce;
const METHOD = 1;
export const HEADER = 2;
const BODY = 3;
const BASIC = 60;
/** The flag of each property that the tests write by hand. */
export const FLAGS = { headers: 0x2000, messageId: 0x80, timestamp: 0x40, type: 0x20, continued: 1 };

export function uint(value: number | bigint, bytes: 1 | 2 | 4 | 8): Buffer {
  const buffer = Buffer.alloc(8);
  buffer.writeBigUInt64BE(BigInt.asUintN(64, BigInt(value)));
  return buffer.subarray(8 - bytes);
}

export function shortString(text: string | Uint8Array): Buffer {
  const bytes = Buffer.from(text as string);
  return Buffer.concat([uint(bytes.length, 1), bytes]);
}

export function longString(content: string | Uint8Array): Buffer {
  const bytes = Buffer.from(content as string);
  return Buffer.concat([uint(bytes.length, 4), bytes]);
}

/** A value of a table: its type's letter, and its bytes. */
export function field(tag: string, ...bytes: readonly Uint8Array[]): Buffer {
  return Buffer.concat([Buffer.from(tag), ...bytes]);
}

export function entry(name: string | Uint8Array, value: Uint8Array): Buffer {
  return Buffer.concat([shortString(name), value]);
}

/** The properties of a message that has nothing but these headers. */
export function onlyHeaders(...entries: readonly Uint8Array[]): Buffer {
  return Buffer.concat([uint(FLAGS.headers, 2), longString(Buffer.concat(entries))]);
}

export function frame(type: number, channel: number, payload: Uint8Array): Buffer {
  return Buffer.concat([uint(type, 1), uint(channel, 2), longString(payload), Buffer.from([FRAME_END])]);
}

/** The payload of a header frame. */
export function header(properties: Uint8Array, bodyBytes: number, classId = BASIC): Buffer {
  return Buffer.concat([uint(classId, 2), uint(0, 2), uint(bodyBytes, 8), properties]);
}

/** The three frames of a message. */
function messageFrames(
  channel: number,
  exchange: string,
  routingKey: string,
  properties: Uint8Array,
  body: Uint8Array,
): Buffer {
  const publish = Buffer.concat([
    ...[uint(BASIC, 2), uint(40, 2), uint(0, 2)],
    ...[shortString(exchange), shortString(routingKey), uint(0, 1)],
  ]);
  return Buffer.concat([
    frame(METHOD, channel, publish),
    frame(HEADER, channel, header(properties, body.length)),
    frame(BODY, channel, body),
  ]);
}

/** Publishes a message whose properties are written by hand, and resolves when the broker has confirmed it. */
export async function publishByHand(
  url: string,
  exchange: string,
  properties: Uint8Array,
  body: unknown = 'by hand',
): Promise<void> {
  const connection = await connectRaw(url);
  try {
    const channel = await connection.createConfirmChannel();
    const failed = Promise.withResolvers<never>();
    connection.on('error', failed.reject);
    const { stream } = connection.connection as unknown as { stream: Socket };
    const { ch } = channel as unknown as { ch: number };
    stream.write(messageFrames(ch, exchange, 'by.hand', properties, Buffer.from(JSON.stringify(body))));
    await Promise.race([once(channel, 'ack'), failed.promise]);
  } finally {
    await connection.close().catch(() => undefined);
  }
}

/** A frame on its way to a client. */
interface Passing {
  readonly type: number;
  readonly channel: number;
  readonly payload: Buffer;
}

/** Whether a frame is a method of this class and number. */
export function isMethod({ type, payload }: Passing, classId: number, methodId: number): boolean {
  return type === METHOD && payload.readUInt16BE(0) === classId && payload.readUInt16BE(2) === methodId;
}

/** Lies between a client and its broker, and may put something else in the place of a frame for the client. */
export async function frameProxy(
  target: { readonly host: string; readonly port: number },
  /** Returns what the client is to get instead, which may be nothing, or undefined to leave the frame as it is. */
  rewrite: (frame: Passing) => Buffer | undefined,
) {
  const sockets = new Set<Socket>();
  let taken = 0;
  const server = createServer(client => {
    taken++;
    const broker = connectSocket(target);
    for (const socket of [client, broker]) sockets.add(socket.on('error', () => undefined));
    client.pipe(broker);
    let rest = Buffer.alloc(0);
    broker.on('data', (data: Buffer) => {
      rest = Buffer.concat([rest, data]);
      for (;;) {
        const end = rest.length < 7 ? Infinity : 7 + rest.readUInt32BE(3) + 1;
        if (rest.length < end) return;
        const whole = rest.subarray(0, end);
        rest = rest.subarray(end);
        const passing = {
          type: whole.readUInt8(0),
          channel: whole.readUInt16BE(1),
          payload: whole.subarray(7, -1),
        };
        client.write(rewrite(passing) ?? whole);
      }
    });
    broker.on('close', () => client.destroy());
    client.on('close', () => broker.destroy());
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    port: (server.address() as AddressInfo).port,
    /** How many connections there were. */
    taken: () => taken,
    close: async () => {
      for (const socket of sockets) socket.destroy();
      await new Promise(resolve => server.close(resolve));
    },
  };
}
