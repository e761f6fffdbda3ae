import { createHash } from "node:crypto";

/** The key of every client of the benchmark: the example of RFC 6455 1.3. */
export const KEY = "dGhlIHNhbXBsZSBub25jZQ==";

/** The answer to {@link KEY} (RFC 6455 4.2.2, step 5.4). */
export const ACCEPT = acceptOf(KEY);

/** The `Sec-WebSocket-Accept` for a `Sec-WebSocket-Key`. */
export function acceptOf(key: string): string {
  return createHash("sha1").update(`${key}258EAFA5-E914-47DA-95CA-C5AB0DC85B11`).digest("base64");
}

/** The handshake request of a client, without `Origin`. It has extensions only if some are offered. */
export function upgradeRequest(host: string, port: number, target: string, extensions?: string): string {
  const offer = extensions === undefined ? "" : `Sec-WebSocket-Extensions: ${extensions}\r\n`;
  return (
    `GET ${target} HTTP/1.1\r\nHost: ${host}:${port}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n` +
    `Sec-WebSocket-Key: ${KEY}\r\nSec-WebSocket-Version: 13\r\n${offer}\r\n`
  );
}

/** The shortest answer that opens a connection, for `floor` and `floor-http`. */
export function upgradeAnswer(key: string): string {
  return (
    "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n" +
    `Sec-WebSocket-Accept: ${acceptOf(key)}\r\n\r\n`
  );
}
