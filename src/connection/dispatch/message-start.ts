import { InvalidArgumentError } from "../../errors/errors.ts";
import { Opcode } from "../../protocol/opcodes.ts";
import { attempt } from "../../util/attempt.ts";
import type { IncomingMessage } from "../receiving/incoming-message.ts";
import { type MessageStream, type ByteStream, streamOf } from "../receiving/message-stream.ts";
import { causeChain } from "./causes.ts";
import { isAbortOf } from "./close-signal.ts";
import type { DispatcherOwner } from "./dispatcher-owner.ts";
import type { HandlerCallbacks } from "./handler-callbacks.ts";
import { writeTo } from "./message-destination.ts";

/** The stream that was taken; undefined: none was. */
let takenOf: (event: WSMessageStartEvent) => MessageStream | undefined;

/** The message that begins. */
let messageOf: (event: WSMessageStartEvent) => IncomingMessage;

/** The callback has settled. Returns a promise for the end of a stream that is read; undefined: none is, and none can be any more. */
let settle: (event: WSMessageStartEvent) => Promise<void> | undefined;

/** A connection's `onMessageStart`: a message begins. */
export class WSMessageStartEvent {
  readonly type = "messagestart";
  /** Whether it is a text. Then the bytes of the stream are UTF-8, which is checked as they come. */
  readonly isText: boolean;
  readonly #message: IncomingMessage;
  #stream: MessageStream | undefined;
  #isOver = false;

  static {
    takenOf = (event) => event.#stream;
    messageOf = (event) => event.#message;
    settle = (event) => {
      event.#isOver = true;
      const stream = event.#stream;
      // `({ isText, stream })` takes it, and nobody may ever read it.
      return stream?.giveBack(lateError) === true ? undefined : stream?.finished;
    };
  }

  /** Made by the library. */
  constructor(message: IncomingMessage) {
    this.#message = message;
    this.isText = message.opcode === Opcode.text;
  }

  /**
   * The message as a stream of its bytes. It is not gathered any more: `onMessage` is not called for it. No more than about 128 KiB are
   * read ahead of you, and then the peer must wait. Begin to read it before `onMessageStart` settles, or it is gathered. Read it to its end, or cancel it: the next message comes after that. If the
   * connection ends before the message does, it fails with `HWS_MESSAGE_CUT`.
   *
   * @throws {InvalidArgumentError} after `onMessageStart` has settled without it: then the message goes to `onMessage`. A stream that
   *   nobody has begun to read then fails with this error
   * @example
   * for await (const bytes of event.stream) hash.update(bytes);
   */
  get stream(): ByteStream {
    if (this.#stream === undefined && this.#isOver) throw lateError();
    return (this.#stream ??= streamOf(this.#message)).readable;
  }
}

function lateError(): InvalidArgumentError {
  return new InvalidArgumentError(
    "event.stream: take it, and begin to read it, before onMessageStart settles. The message is gathered now",
  );
}

/** The connection whose message it is. */
type StartOwner = Pick<DispatcherOwner, "publicConnection" | "reportError">;

/** Whether a handler may have an `onMessageStart`. A getter or a proxy of the application may throw: then it has none. */
export function startsMessages(handler: { readonly onMessageStart?: unknown }): boolean {
  return attempt(() => typeof handler.onMessageStart === "function") === true;
}

/**
 * Calls `onMessageStart`.
 *
 * @returns undefined: the handler wants the message as a whole. Otherwise a promise of whether it wants it so, which settles when it has
 *   decided, and a stream is not read any more
 * @throws what the callback throws
 */
export function startMessage(
  handler: HandlerCallbacks,
  owner: StartOwner,
  message: IncomingMessage,
): Promise<boolean> | undefined {
  const event = new WSMessageStartEvent(message);
  const answer = handler.onMessageStart?.(owner.publicConnection, event);
  if (answer === undefined && takenOf(event) === undefined) {
    void settle(event);
    return undefined;
  }
  return wantsWhole(event, answer, message, owner);
}

/** Whether a callback has failed with what the stream of its message has told it, or because of that. */
export function isOfStream(error: unknown, event: WSMessageStartEvent): boolean {
  const { error: told } = messageOf(event);
  return told !== undefined && causeChain(error).includes(told);
}

async function wantsWhole(
  event: WSMessageStartEvent,
  answer: unknown,
  message: IncomingMessage,
  owner: StartOwner,
): Promise<boolean> {
  const onStopFailed = (error: unknown): void => {
    if (!isAbortOf(owner, error)) owner.reportError(error, "handler");
  };
  try {
    const destination = await answer;
    if (destination !== undefined && destination !== null)
      await writeTo(destination, { message, stream: event.stream, onStopFailed });
  } catch (error) {
    // It was told by the stream: it has not failed itself.
    if (isOfStream(error, event)) return false;
    message.discard();
    throw error;
  }
  const read = settle(event);
  await read;
  return read === undefined;
}
