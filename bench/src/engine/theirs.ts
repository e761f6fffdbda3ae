import type { EventEmitter } from "node:events";
import type { Socket } from "node:net";
import * as ws from "ws";
import type { Engine, Message } from "./engine.ts";
import { MAX_MESSAGE } from "./messages.ts";
import { countingSocket } from "./streams.ts";

interface Receiver extends EventEmitter {
  write(chunk: Buffer): boolean;
}

interface Sender {
  send(data: Message, options: Readonly<Record<string, boolean>>): void;
}

// ws exports both; its types leave them out.
const { Receiver, Sender } = ws as unknown as {
  readonly Receiver: new (options: object) => Receiver;
  readonly Sender: new (stream: Socket) => Sender;
};

// The options that the server of ws passes to its receivers by default.
const RECEIVER = { isServer: true, maxPayload: MAX_MESSAGE, maxFragments: 16 * 1024, maxBufferedChunks: 256 * 1024 };

// The options that `send` of a server passes for each message, without extensions.
const TEXT = { binary: false, mask: false, compress: false, fin: true };
const BINARY = { ...TEXT, binary: true };

/** The frame parser and the frame writer of ws, with bufferutil. Its parser returns a text as bytes, and applications decode it. */
export const wsEngine: Engine = {
  parser: (take) => {
    const receiver = new Receiver(RECEIVER);
    receiver.on("message", (data: Buffer, isBinary: boolean) => take(isBinary ? data : data.toString()));
    receiver.on("error", (error) => {
      throw error;
    });
    return (chunk) => receiver.write(chunk);
  },
  writer: (stream) => {
    const sender = new Sender(countingSocket(stream));
    return (messages) => {
      for (const message of messages) sender.send(message, typeof message === "string" ? TEXT : BINARY);
    };
  },
};
