/**
 * Node's `http` and `https`. A static import of `node:http` evaluates its WebSocket exports, which load HTTP/2, web streams and
 * a second HTTP client: 12 MB of memory, and a tenth of the time that a worker takes to start.
 */
export const http = process.getBuiltinModule('node:http');

/** Loads TLS, so call this only where it is needed. */
export const https = () => process.getBuiltinModule('node:https');
