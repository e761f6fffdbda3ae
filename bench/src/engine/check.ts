import type { Engine, Message } from "./engine.ts";
import { batchOf, clientChunks, messagesOf, payloadsOf, serverStream } from "./messages.ts";
import { RecordingStream } from "./streams.ts";
import type { EngineWork } from "./work.ts";

/**
 * Checks the results of an engine: its parser must return the messages that were sent, and its writer the bytes that
 * RFC 6455 defines. So all engines do the same work.
 *
 * @throws Error - if a result is wrong
 */
export function check(work: EngineWork, engine: Engine): void {
  const payloads = payloadsOf(work);
  const messages = messagesOf(work, payloads);
  if (work.part === "write") {
    if (!writeAll(engine, messages).equals(serverStream(work, payloads)))
      throw new Error("the writer wrote other bytes");
    return;
  }
  const parsed = parseAll(engine, clientChunks(work, payloads));
  if (parsed.length !== messages.length)
    throw new Error(`the parser read ${parsed.length} messages, not ${messages.length}`);
  const wrong = messages.findIndex((message, i) => !isSame(message, parsed[i]!));
  if (wrong >= 0) throw new Error(`the parser read another message ${wrong}`);
}

/** The messages that an engine's parser reads from chunks. The chunks are not changed. */
export function parseAll(engine: Engine, chunks: readonly Buffer[]): Message[] {
  const messages: Message[] = [];
  const parse = engine.parser((message) => {
    messages.push(message);
  });
  for (const chunk of chunks) parse(Buffer.from(chunk));
  return messages;
}

/** The bytes that an engine's writer writes for messages. */
export function writeAll(engine: Engine, messages: readonly Message[]): Buffer {
  const stream = new RecordingStream();
  const write = engine.writer(stream);
  const batch = batchOf(messages.reduce((longest, { length }) => Math.max(longest, length), 0));
  for (let i = 0; i < messages.length; i += batch) write(messages.slice(i, i + batch));
  return stream.written;
}

function isSame(sent: Message, received: Message): boolean {
  if (typeof sent === "string" || typeof received === "string") return sent === received;
  return Buffer.compare(sent, received) === 0;
}
