import { Random } from "../engine/random.ts";
import { type Target, holds } from "../engine/target.ts";
import { mutateStream, simplerStreams } from "../grammar/mutate-frames.ts";
import type { Mutator } from "../engine/target.ts";
import { runIsolated } from "../harness/run.ts";
import { Http1Side, Http2Side, type Setup, type Side } from "./http2/sides.ts";

/** Bytes of an input before the frames: the server's options, and where the bytes are cut. */
const HEAD = 2;

const OFFER = [["sec-websocket-version", "13"] as const, ["sec-websocket-extensions", "permessage-deflate"] as const];

/** The frames of a WebSocket, over HTTP/1.1 and over HTTP/2: the same callbacks, the same answers. */
export const http2Frames: Target = {
  name: "http2-frames",
  notation: "hex",
  maxLength: 2048,
  batch: 8,
  mutators: [frames, frames, frames, frames, head],
  *simpler(input) {
    for (const stream of simplerStreams(input.subarray(HEAD))) yield Buffer.concat([input.subarray(0, HEAD), stream]);
  },
  run: (input) =>
    runIsolated(async (clock) => {
      const [flags = 0, cuts = 0] = input;
      const chunks = chunksOf(input.subarray(HEAD), cuts);
      const over1 = await play(new Http1Side(setupOf(flags)), chunks);
      const over2 = await play(new Http2Side(setupOf(flags)), chunks);
      holds(
        JSON.stringify(over1) === JSON.stringify(over2),
        "HTTP/1.1 and HTTP/2 differ in what becomes of the same frames",
        { over1, over2 },
      );
      clock.advance(120_000);
      holds(clock.pending === 0, "a timer is left", clock.pending);
    }),
};

function setupOf(flags: number): Setup {
  return {
    options: {
      compression: (flags & 1) !== 0,
      maxMessageSize: (flags & 2) === 0 ? 1 << 20 : 1000,
      dataType: (flags & 4) === 0 ? "auto" : "text",
    },
    answer: (_event, handler) => {
      handler.behave = (callback) => {
        if (callback === "message") handler.ws?.send(handler.data.at(-1) as never);
        return undefined;
      };
      return handler;
    },
  };
}

/** What becomes of the chunks. */
async function play(side: Side, chunks: readonly Buffer[]): Promise<unknown> {
  await side.ask({ target: "/", host: "127.0.0.1", fields: OFFER, more: [] });
  holds(side.isOpen, "a valid client is not accepted", side.status);
  for (const chunk of chunks) await side.arrive(chunk);
  await side.end();
  const { calls, data, errors, broken } = side.handler;
  const { sent } = side;
  holds(await side.close(), "a server does not end");
  if (broken.length > 0) throw broken[0];
  return { calls, data, errors, sent: sent.toString("hex") };
}

/** Cuts bytes at random, in three chunks at most. */
function chunksOf(bytes: Buffer, cuts: number): Buffer[] {
  if (cuts === 0) return [bytes];
  const random = new Random(cuts);
  const at = random.below(bytes.length + 1);
  const end = random.between(at, bytes.length);
  return [bytes.subarray(0, at), bytes.subarray(at, end), bytes.subarray(end)];
}

function frames(...[input, random, other]: Parameters<Mutator>): Buffer {
  return Buffer.concat([input.subarray(0, HEAD), mutateStream(input.subarray(HEAD), random, other.subarray(HEAD))]);
}

function head(...[input, random]: Parameters<Mutator>): Buffer {
  const copy = Buffer.from(input);
  if (copy.length >= HEAD) copy.writeUInt8(random.below(256), random.below(HEAD));
  return copy;
}
