/**
 * The types that openpgp's declarations need from a package that is only required for streams. All messages here are in
 * memory.
 */
declare module '@openpgp/web-stream-tools' {
  export type WebStream<T> = ReadableStream<T>;
  export type NodeWebStream<T> = import('node:stream/web').ReadableStream<T>;
}
