import { once } from "node:events";
import { type AddressInfo, connect, createServer } from "node:net";
import { onTestFinished } from "vitest";

const NAMES: Readonly<Record<number, string>> = { 0: "DATA", 1: "HEADERS", 3: "RST_STREAM" };

/** What a server has sent on its streams, by their numbers. */
export interface NotedFrames {
  /** Where clients connect. */
  readonly port: number;
  readonly frames: ReadonlyMap<number, string[]>;
}

/**
 * Passes connections on to a server without TLS, for the length of a test, and notes the frames of its streams (RFC 9113 4.1).
 *
 * @param upstream - the server's port
 */
export async function noteFrames(upstream: number): Promise<NotedFrames> {
  const frames = new Map<number, string[]>();
  const front = createServer((client) => {
    const server = connect(upstream, "127.0.0.1");
    let bytes = Buffer.alloc(0);
    server.on("data", (chunk: Buffer) => {
      bytes = Buffer.concat([bytes, chunk]);
      while (bytes.length >= 9 && bytes.length >= 9 + bytes.readUIntBE(0, 3)) {
        const length = bytes.readUIntBE(0, 3);
        note(frames, bytes.subarray(0, 9 + length));
        bytes = bytes.subarray(9 + length);
      }
    });
    client.on("error", () => server.destroy()).pipe(server);
    server.on("error", () => client.destroy()).pipe(client);
    onTestFinished(() => {
      client.destroy();
      server.destroy();
    });
  });
  front.listen(0, "127.0.0.1");
  await once(front, "listening");
  onTestFinished(() => void front.close());
  return { port: (front.address() as AddressInfo).port, frames };
}

function note(frames: Map<number, string[]>, frame: Buffer): void {
  const [type = 0, flags = 0] = [frame[3], frame[4]];
  const stream = frame.readUInt32BE(5);
  if (stream === 0 || NAMES[type] === undefined) return;
  const end = type !== 3 && (flags & 1) === 1 ? " END_STREAM" : "";
  const code = type === 3 ? ` ${frame.readUInt32BE(9)}` : "";
  frames.set(stream, [...(frames.get(stream) ?? []), NAMES[type] + end + code]);
}
