import { isUtf8 } from "node:buffer";

import { inflatePieces } from "../../compression/zlib-streams.ts";
import { ProtocolError, asHawserError, withoutStack } from "../../errors/errors.ts";
import type { ProtocolErrorCode } from "../../errors/table.ts";
import type { Bytes } from "../../protocol/bytes.ts";
import { Opcode } from "../../protocol/opcodes.ts";
import { UTF8_BAD, UTF8_START, checkUtf8By } from "../../protocol/utf8.ts";
import { inNextTurn } from "../transport/turn.ts";
import type { IncomingMessage } from "./incoming-message.ts";

/** After this many bytes of a compressed message other connections get their turn: its reader may never wait for anything else. */
const BYTES_PER_TURN = 256 * 1024;

/** Bytes whose memory nobody shares: `Uint8Array<ArrayBuffer>` since TypeScript 5.7, which older ones cannot say. `pipeThrough` asks for it. */
export type OwnBytes = ReturnType<Uint8ArrayConstructor["of"]>;

/** A stream of bytes. Until TypeScript 5.6 the types of the browser (`lib: dom`) do not say that `for await` reads it. */
export type ByteStream = ReadableStream<OwnBytes> & AsyncIterable<OwnBytes>;

/** A message as the web platform's stream of bytes, and the promise that settles when nobody reads it any more. */
export interface MessageStream {
  /** Its bytes. Nothing is read ahead of the reader by the stream itself. */
  readonly readable: ByteStream;
  /** Resolves when it was read to its end or cancelled, or has failed. */
  readonly finished: Promise<void>;
  /** Gives the message back, if nobody has begun to read it. Then the stream fails with `reason`. Returns whether it did. */
  giveBack(reason: () => Error): boolean;
}

/** Begins to stream a message. */
export function streamOf(message: IncomingMessage): MessageStream {
  const chunks = message.transformed ? inflated(message) : plain(message);
  let onFinished: () => void;
  const finished = new Promise<void>((resolve) => (onFinished = resolve));
  const end = (): void => {
    // What is decompressed is freed. If it waits for bytes, it was woken.
    void chunks.return().catch(nothing);
    onFinished();
  };
  let isRead = false;
  let fail: (error: Error) => void;
  const readable = new ReadableStream<OwnBytes>(
    {
      start: (controller) => {
        fail = (error) => {
          controller.error(error);
          end();
        };
        message.take(fail);
      },
      pull: async (controller) => {
        isRead = true;
        try {
          const { done, value } = await chunks.next();
          if (message.isOver) return;
          if (done !== true) return controller.enqueue(value as unknown as OwnBytes);
          message.finish();
          controller.close();
          end();
        } catch (error) {
          refuseBy(message, error);
        }
      },
      cancel: () => {
        message.discard();
        end();
      },
    },
    { highWaterMark: 0 },
  );
  const giveBack = (reason: () => Error): boolean => {
    if (isRead || readable.locked || message.isOver) return false;
    fail(reason());
    return true;
  };
  return { readable, finished, giveBack };
}

/** A message that cannot be read to its end has told its stream. Anything else is wrong with what the peer has sent. */
function refuseBy(message: IncomingMessage, error: unknown): void {
  if (message.error === undefined && !message.isOver) message.refuse(asHawserError(error));
}

async function* plain(message: IncomingMessage): AsyncGenerator<Bytes, void> {
  for (let bytes = await message.read(); bytes !== undefined; bytes = await message.read()) yield bytes;
}

/** Decompresses a message as it comes, and checks its size and its UTF-8: they are those of the result (RFC 7692 6.2). */
async function* inflated(message: IncomingMessage): AsyncGenerator<Bytes, void> {
  const isText = message.opcode === Opcode.text;
  let [state, size, inTurn] = [UTF8_START, 0, 0];
  for await (const bytes of inflatePieces(() => message.read())) {
    size += bytes.length;
    if (size > message.maxSize) throw protocolError("HWS_STREAM_TOO_BIG");
    if (isText) state = checkUtf8By(isUtf8, bytes, 0, bytes.length, state);
    if (state === UTF8_BAD) throw protocolError("HWS_INVALID_UTF8");
    yield bytes;
    inTurn += bytes.length;
    if (inTurn < BYTES_PER_TURN) continue;
    inTurn = 0;
    await new Promise<void>((turn) => inNextTurn(turn));
  }
  if (state !== UTF8_START) throw protocolError("HWS_INVALID_UTF8");
}

function protocolError(code: ProtocolErrorCode): ProtocolError {
  return withoutStack(() => new ProtocolError(code));
}

function nothing(): void {
  // It has failed, and its stream was told.
}
