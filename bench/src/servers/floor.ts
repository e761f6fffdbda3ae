import { createServer } from "node:net";
import type { AddressInfo, Socket } from "node:net";
import { clientFrame, opcodeOf, payload, repeated, serverFrame } from "../wire/frames.ts";
import type { Format } from "../wire/frames.ts";
import { upgradeAnswer } from "../wire/handshake.ts";
import { announce } from "./common.ts";

// The floor: node:net and nothing else. It reads no frame. After the bytes of each full request it writes a canned
// answer. No WebSocket server on node:net can do less work, so none can be faster than the distance to this line.
const MAX_CANNED_BYTES = 4 * 1024 * 1024;
const sockets = new Set<Socket>();

interface Canned {
  readonly requestLength: number;
  readonly reply: Buffer;
  /** The reply over and over, so that several answers are one write of one slice. */
  readonly replies: Buffer;
}

const cans = new Map<string, Canned>();

function cannedFor(size: number, format: Format): Canned {
  const key = `${size} ${format}`;
  const known = cans.get(key);
  if (known) return known;
  const body = payload(size, format);
  const reply = serverFrame(opcodeOf(format), body);
  const replies = repeated(reply, Math.max(1, Math.floor(MAX_CANNED_BYTES / reply.length)));
  const canned = { requestLength: clientFrame(opcodeOf(format), body).length, reply, replies };
  cans.set(key, canned);
  return canned;
}

function answer(socket: Socket, canned: Canned, count: number): void {
  const most = canned.replies.length / canned.reply.length;
  for (let left = count; left > 0; left -= most) {
    socket.write(canned.replies.subarray(0, Math.min(left, most) * canned.reply.length));
  }
}

function serve(socket: Socket, head: string): void {
  const url = new URL(head.split(" ", 2)[1] ?? "/", "http://127.0.0.1");
  const canned = cannedFor(Number(url.searchParams.get("size")), url.searchParams.get("format") as Format);
  const fan = url.pathname === "/fan";
  let bytes = 0;
  if (fan) sockets.add(socket);
  socket.on("data", (chunk) => {
    bytes += chunk.length;
    const count = Math.floor(bytes / canned.requestLength);
    if (count === 0) return;
    bytes -= count * canned.requestLength;
    if (fan) for (const each of sockets) answer(each, canned, count);
    else answer(socket, canned, count);
  });
  socket.write(upgradeAnswer(/^sec-websocket-key: *(\S+)/im.exec(head)?.[1] ?? ""));
}

const server = createServer({ noDelay: true }, (socket) => {
  socket.on("error", () => undefined);
  socket.on("close", () => sockets.delete(socket));
  // The load generator sends a request in one write and waits for the answer: it is one chunk, and nothing follows it.
  socket.once("data", (chunk) => serve(socket, chunk.toString("latin1")));
});

server.listen(0, "127.0.0.1", () => announce((server.address() as AddressInfo).port));
