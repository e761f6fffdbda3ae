import type { Engine, Message } from "./engine.ts";
import { BATCH, clientChunks, messagesOf, payloadsOf, serverStream } from "./messages.ts";
import { RecordingStream } from "./streams.ts";
import type { EngineWork } from "./work.ts";

/**
 * Sees to it that a side does a work right: its parser gives the messages that were sent, its writer the frames of
 * RFC 6455, byte by byte. So all sides do the same.
 *
 * @throws Error - when something else comes out
 */
export function check(work: EngineWork, engine: Engine): void {
  const payloads = payloadsOf(work);
  const messages = messagesOf(work, payloads);
  if (work.part === "write") {
    if (!writeAll(engine, messages).equals(serverStream(work, payloads))) throw new Error("it wrote other bytes");
    return;
  }
  const parsed = parseAll(engine, clientChunks(work, payloads));
  if (parsed.length !== messages.length) throw new Error(`it read ${parsed.length} messages, not ${messages.length}`);
  const wrong = messages.findIndex((message, i) => !isSame(message, parsed[i]!));
  if (wrong >= 0) throw new Error(`it read another message ${wrong}`);
}

/** The messages that a side's parser makes of chunks. The chunks stay as they are. */
export function parseAll(engine: Engine, chunks: readonly Buffer[]): Message[] {
  const messages: Message[] = [];
  const parse = engine.parser((message) => {
    messages.push(message);
  });
  for (const chunk of chunks) parse(Buffer.from(chunk));
  return messages;
}

/** The bytes that a side's writer makes of messages. */
export function writeAll(engine: Engine, messages: readonly Message[]): Buffer {
  const stream = new RecordingStream();
  const write = engine.writer(stream);
  for (let i = 0; i < messages.length; i += BATCH) write(messages.slice(i, i + BATCH));
  return stream.written;
}

function isSame(sent: Message, seen: Message): boolean {
  if (typeof sent === "string" || typeof seen === "string") return sent === seen;
  return Buffer.compare(sent, seen) === 0;
}
