import { createServer } from "node:net";
import type { AddressInfo, Socket } from "node:net";
import { clientFrame, opcodeOf, payload, repeated, serverFrame } from "../wire/frames.ts";
import type { Format } from "../wire/frames.ts";
import { upgradeAnswer } from "../wire/handshake.ts";
import { announce } from "./common.ts";

// The lower limit of the cost: node:net and nothing else. It counts bytes, reads no frame, and writes a prepared answer
// for each request. No WebSocket server on node:net can do less work.
const MAX_PREPARED_BYTES = 4 * 1024 * 1024;
const sockets = new Set<Socket>();

interface PreparedAnswer {
  readonly requestLength: number;
  readonly reply: Buffer;
  /** The reply many times, so that several answers are one write of one slice. */
  readonly replies: Buffer;
}

const preparedAnswers = new Map<string, PreparedAnswer>();

function prepareAnswer(size: number, format: Format): PreparedAnswer {
  const key = `${size} ${format}`;
  const known = preparedAnswers.get(key);
  if (known) return known;
  const body = payload(size, format);
  const reply = serverFrame(opcodeOf(format), body);
  const replies = repeated(reply, Math.max(1, Math.floor(MAX_PREPARED_BYTES / reply.length)));
  const prepared = { requestLength: clientFrame(opcodeOf(format), body).length, reply, replies };
  preparedAnswers.set(key, prepared);
  return prepared;
}

function answer(socket: Socket, prepared: PreparedAnswer, count: number): void {
  const maximum = prepared.replies.length / prepared.reply.length;
  for (let left = count; left > 0; left -= maximum) {
    socket.write(prepared.replies.subarray(0, Math.min(left, maximum) * prepared.reply.length));
  }
}

function serve(socket: Socket, head: string): void {
  const url = new URL(head.split(" ", 2)[1] ?? "/", "http://127.0.0.1");
  const prepared = prepareAnswer(Number(url.searchParams.get("size")), url.searchParams.get("format") as Format);
  const fan = url.pathname === "/fan";
  let bytes = 0;
  if (fan) sockets.add(socket);
  socket.on("data", (chunk) => {
    bytes += chunk.length;
    const count = Math.floor(bytes / prepared.requestLength);
    if (count === 0) return;
    bytes -= count * prepared.requestLength;
    if (fan) for (const each of sockets) answer(each, prepared, count);
    else answer(socket, prepared, count);
  });
  socket.write(upgradeAnswer(/^sec-websocket-key: *(\S+)/im.exec(head)?.[1] ?? ""));
}

const server = createServer({ noDelay: true }, (socket) => {
  socket.on("error", () => undefined);
  socket.on("close", () => sockets.delete(socket));
  // The load generator sends the request in one write and waits for the answer. So it arrives as one chunk, without other data.
  socket.once("data", (chunk) => serve(socket, chunk.toString("latin1")));
});

server.listen(0, "127.0.0.1", () => announce((server.address() as AddressInfo).port));
