import crypto, { createHash } from "node:crypto";

/** RFC 6455 1.3: what the server puts behind the client's key before it hashes. */
const GUID = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11";

/** True for the base64 of 16 bytes, as RFC 6455 4.2.1 wants the key. */
export function isKey(key: string): boolean {
  return /^[+/0-9A-Za-z]{22}==$/.test(key);
}

/** `Sec-WebSocket-Accept` for a key (RFC 6455 4.2.2). */
export function acceptKey(key: string): string {
  return sha1(key + GUID);
}

/** One call where Node has it (20.12): half the time, and no object. */
const sha1: (text: string) => string =
  typeof (crypto as Partial<typeof crypto>).hash === "function"
    ? (text) => crypto.hash("sha1", text, "base64")
    : (text) => createHash("sha1").update(text).digest("base64");
