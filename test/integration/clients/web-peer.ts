import type { Content, Ending } from "./client.ts";

/** What the standard `WebSocket` can do of a peer. */
export interface WebPeer {
  readonly protocol: string;
  send(content: Content): Promise<void>;
  count(messages: number): Promise<void>;
  received(messages: number): Promise<string[]>;
  close(code?: number, reason?: string): Promise<void>;
  closed(): Promise<Ending>;
}

/**
 * Connects with the standard `WebSocket` of the place it runs in, a browser's page or Node; undefined when refused.
 * It is handed to the browser as its source, so it refers to nothing around it.
 */
export async function openWebPeer(to: { url: string; protocols: readonly string[] }): Promise<WebPeer | undefined> {
  const short = 125;
  const messages: Promise<string>[] = [];
  let ended: Ending | undefined;
  let wake = (): void => {};

  const hex = (bytes: ArrayBuffer): string =>
    [...new Uint8Array(bytes)].map((byte) => byte.toString(16).padStart(2, "0")).join("");

  async function seen(data: string | ArrayBuffer): Promise<string> {
    const type = typeof data === "string" ? "text" : "binary";
    const bytes = typeof data === "string" ? new TextEncoder().encode(data) : new Uint8Array(data);
    if (bytes.length <= short) return `${type}: ${typeof data === "string" ? data : hex(data)}`;
    return `${type} of ${bytes.length} bytes: ${hex(await crypto.subtle.digest("SHA-256", bytes))}`;
  }

  function payloadOf({ type, part, times }: Content): string | ArrayBuffer {
    if (type === "text") return part.repeat(times);
    const period = part.length / 2;
    const bytes = new Uint8Array(period * times);
    for (let i = 0; i < period; i++) bytes[i] = Number.parseInt(part.slice(2 * i, 2 * i + 2), 16);
    for (let filled = period; filled < bytes.length; filled *= 2) bytes.copyWithin(filled, 0, filled);
    return bytes.buffer;
  }

  const socket = new WebSocket(to.url, [...to.protocols]);
  socket.binaryType = "arraybuffer";
  socket.onmessage = ({ data }: { data: string | ArrayBuffer }) => {
    messages.push(seen(data));
    wake();
  };
  const opened = new Promise<boolean>((resolve) => {
    socket.onopen = () => resolve(true);
    socket.onerror = () => resolve(false);
  });
  const ending = new Promise<Ending>((resolve) => {
    socket.onclose = ({ code, reason }) => {
      ended = { code, reason };
      wake();
      resolve(ended);
    };
  });
  if (!(await opened)) return undefined;
  return {
    protocol: socket.protocol,
    send: async (content) => socket.send(payloadOf(content)),
    async count(n) {
      for (let i = 0; i < n; i++) socket.send(`${i}`);
    },
    async received(n) {
      while (messages.length < n) {
        if (ended) throw new Error(`closed with ${ended.code} after ${messages.length} of ${n} messages`);
        await new Promise<void>((resolve) => (wake = resolve));
      }
      return Promise.all(messages.splice(0, n));
    },
    close: async (code, reason) => socket.close(code, reason),
    closed: () => ending,
  };
}
