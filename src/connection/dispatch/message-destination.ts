import { Writable } from "node:stream";
import { finished } from "node:stream/promises";

import { InvalidArgumentError } from "../../errors/errors.ts";
import { describe } from "../../util/describe.ts";
import type { IncomingMessage } from "../receiving/incoming-message.ts";
import type { ByteStream, OwnBytes } from "../receiving/message-stream.ts";
import { causeChain } from "./causes.ts";

/** A message that is written to a destination. */
export interface MessageSource {
  /** What is written. */
  readonly message: IncomingMessage;
  /** Its bytes. */
  readonly stream: ByteStream;
  /** The destination has failed to stop. Nothing waits for that: it may be told at any time. */
  onStopFailed(error: unknown): void;
}

type Reader = ReadableStreamDefaultReader<OwnBytes>;

/**
 * Writes a message to the stream that `onMessageStart` has returned, and ends that. If either fails, both are stopped at once: nothing waits
 * for a write that is in flight, which may never settle.
 *
 * @throws the message's error, if it has one; else what has failed
 */
export async function writeTo(destination: unknown, source: MessageSource): Promise<void> {
  if (destination instanceof WritableStream) await writeToWeb(destination as WritableStream<OwnBytes>, source);
  else if (destination instanceof Writable) await writeToNode(destination, source);
  else
    throw new InvalidArgumentError(
      `onMessageStart: expected a WritableStream, a Writable of Node's, or nothing, got ${describe(destination)}`,
    );
}

/** `pipeTo` would wait for the write in flight before it aborts. */
async function writeToWeb(writable: WritableStream<OwnBytes>, source: MessageSource): Promise<void> {
  // Of a stream that somebody else writes to this throws: we may not abort it.
  const writer = writable.getWriter();
  const copy = async (reader: Reader): Promise<void> => {
    for (;;) {
      await writer.ready;
      const { done, value } = await reader.read();
      if (done) return writer.close();
      // If it fails, so does `writer.closed`.
      writer.write(value).catch(nothing);
    }
  };
  try {
    await untilFailure(source, (reader) => Promise.race([copy(reader), failureOf(writer.closed)]));
  } catch (error) {
    // The signal of its controller aborts now, its `abort` is called after the write in flight.
    writer.abort(error).catch((thrown: unknown) => tell(source, thrown, error));
    throw error;
  } finally {
    writer.releaseLock();
  }
}

/**
 * `pipeline` would wait for the write in flight too, never settles for one that has ended, and may throw where nobody catches it: in the
 * `destroy` of the application.
 */
async function writeToNode(writable: Writable, source: MessageSource): Promise<void> {
  const end = { isOurs: false };
  const copy = async (reader: Reader): Promise<void> => {
    for (let next = await reader.read(); !next.done; next = await reader.read()) {
      if (writable.write(next.value)) continue;
      await new Promise((resolve) => writable.once("drain", resolve));
    }
    end.isOurs = true;
    writable.end();
    // Its end settles the other promise.
    await never();
  };
  const ended = async (): Promise<void> => {
    await finished(writable, { readable: false });
    if (!end.isOurs) throw endedError();
  };
  try {
    await untilFailure(source, (reader) => {
      if (!writable.writable) throw endedError();
      return Promise.race([ended(), copy(reader)]);
    });
  } catch (error) {
    // One that its owner has ended may still write what it has.
    if (source.message.error !== undefined || end.isOurs || !writable.writableEnded) destroy(writable, source, error);
    throw error;
  }
}

/** Nothing waits for the events that follow. */
function destroy(writable: Writable, source: MessageSource, error: unknown): void {
  if (writable.destroyed) return;
  // The application may have no listener: then the event would end the process.
  writable.on("error", nothing);
  try {
    writable.destroy(error as Error);
  } catch (thrown) {
    tell(source, thrown, error);
  }
}

/** What `write` does with the bytes, unless the message fails before. If `write` fails, nobody reads the message any more. */
async function untilFailure(source: MessageSource, write: (reader: Reader) => Promise<void>): Promise<void> {
  const { message } = source;
  try {
    const reader = source.stream.getReader();
    try {
      await Promise.race([write(reader), failureOf(reader.closed)]);
    } catch (error) {
      reader.cancel(error).catch(nothing);
      throw error;
    }
  } catch (error) {
    // The destination fails with the message, or because of it.
    throw message.error ?? error;
  }
}

/** Rejects as `closed` does, and never resolves. */
function failureOf(closed: Promise<unknown>): Promise<never> {
  return closed.then(never);
}

function never(): Promise<never> {
  return new Promise(nothing);
}

/** Most destinations fail with the error that has stopped them. */
function tell(source: MessageSource, thrown: unknown, stoppedBy: unknown): void {
  if (!causeChain(thrown).includes(stoppedBy)) source.onStopFailed(thrown);
}

function endedError(): InvalidArgumentError {
  return new InvalidArgumentError(
    "onMessageStart: the Writable that it returned has ended before the message: the library ends it",
  );
}

function nothing(): void {
  // It was told already, or never settles.
}
