import type { Connection } from "./connection.ts";
import { plainJsonText } from "./sending/plain-json-text.ts";
import { type SendOptions, readMessageOptions } from "./sending/message-options.ts";
import { type MessageOptions, NO_OPTIONS, outgoingMessage } from "./sending/outgoing-message.ts";
import { SendResult } from "./sending/send-result.ts";
import { StreamMessage } from "./sending/stream-message.ts";
import { cancelUnsent, isStream } from "./sending/stream-source.ts";

/**
 * Sends a message of the application on a connection of either role.
 *
 * @returns whether it was accepted, and no more than `highWaterMark` bytes wait
 * @throws {InvalidArgumentError} for a message or options that cannot be sent
 */
export function sendMessage(connection: Connection, message: unknown, options: SendOptions | undefined): boolean {
  // Most messages are texts, or objects without a class: they need no object of ours.
  const text = options !== undefined ? undefined : typeof message === "string" ? message : plainJsonText(message);
  const result = text !== undefined ? connection.sendText(text) : sendOther(connection, message, options);
  return result === SendResult.accepted;
}

/** Sends any message. The result says whether it was dropped. It throws as `sendMessage`. */
export function sendOther(connection: Connection, message: unknown, options: SendOptions | undefined): SendResult {
  if (typeof message !== "object" || message === null || !isStream(message))
    return connection.send(outgoingMessage(message, optionsOf(options)));
  const stream = streamMessage(message, options);
  const result = connection.send(stream);
  // Nobody else frees its source.
  if (result === SendResult.dropped) stream.cancel();
  return result;
}

function optionsOf(options: SendOptions | undefined): MessageOptions {
  return options === undefined ? NO_OPTIONS : readMessageOptions("send", options);
}

function streamMessage(stream: object, options: SendOptions | undefined): StreamMessage {
  try {
    return new StreamMessage(stream, optionsOf(options));
  } catch (error) {
    cancelUnsent(stream, error as Error);
    throw error;
  }
}
