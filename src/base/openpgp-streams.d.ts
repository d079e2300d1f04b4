/** What the types of openpgp ask for, of a package that is only needed with streams: here all messages are in memory. */
declare module '@openpgp/web-stream-tools' {
  export type WebStream<T> = ReadableStream<T>;
  export type NodeWebStream<T> = import('node:stream/web').ReadableStream<T>;
}
