import crypto, { createHash } from "node:crypto";

/** RFC 6455 1.3: the server appends this to the client's key before it hashes. */
const GUID = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11";

/** True for the base64 of 16 bytes, which RFC 6455 4.2.1 requires of the key. */
export function isKey(key: string): boolean {
  return /^[+/0-9A-Za-z]{22}==$/.test(key);
}

/** The value of `Sec-WebSocket-Accept` for a key (RFC 6455 4.2.2). */
export function acceptKey(key: string): string {
  return sha1(key + GUID);
}

/** Node 20.12 and later hash in one call, which takes half the time and makes no object. */
const sha1: (text: string) => string =
  typeof (crypto as Partial<typeof crypto>).hash === "function"
    ? (text) => crypto.hash("sha1", text, "base64")
    : (text) => createHash("sha1").update(text).digest("base64");
