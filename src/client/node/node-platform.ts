import { errorEvent } from "../../connection/dispatch/events.ts";
import { warnOfUnheard } from "../../connection/dispatch/unheard-errors.ts";
import { readMessageOptions, type SendOptions } from "../../connection/sending/message-options.ts";
import { Compression, outgoingMessage } from "../../connection/sending/outgoing-message.ts";
import { cancelUnsent, isStream } from "../../connection/sending/stream-source.ts";
import type { ConnectionSettings } from "../../connection/settings.ts";
import { InvalidArgumentError } from "../../errors/errors.ts";
import { Warnings } from "../../util/warnings.ts";
import type { AcceptedDial, DialRequest } from "../link.ts";
import type { ClientPlatform, WaitingPayload } from "../platform.ts";
import { Backlog } from "./backlog.ts";
import { NodeDialer } from "./node-dialer.ts";
import { type LinkClient, NodeLink, StreamingNodeLink } from "./node-link.ts";
import type { NodeSettings } from "./node-options.ts";
import { discard } from "./streams.ts";

/** All clients share it: a thousand that fail alike are one warning. */
const warnings = new Warnings();

function warn(error: unknown): void {
  warnOfUnheard(warnings, error);
}

/** In place of a stream that is refused. */
const NOTHING: WaitingPayload = { message: "", size: 0 };

/** A stream cannot wait: that would hold all of it in memory. After the end of the client nothing is wrong: it is refused, as any message. */
function refuseStream(stream: object, options: SendOptions | undefined, isOver: boolean): WaitingPayload {
  const error = new InvalidArgumentError(
    'message: a stream cannot wait for a connection: wait for onOpen, and with whileAway: "queue" for ws.drained() after it',
  );
  cancelUnsent(stream, error);
  if (!isOver) throw error;
  if (options !== undefined) readMessageOptions("send", options);
  return NOTHING;
}

/** What a client needs of Node. */
export class NodePlatform implements ClientPlatform {
  readonly errorEvent = errorEvent;
  readonly #Link: typeof NodeLink;
  readonly #dialer: NodeDialer;
  readonly #settings: ConnectionSettings;
  /** What the connections of this client share. */
  readonly #client: LinkClient;

  /** @param streams whether the handler has `onMessageStart` */
  constructor(node: NodeSettings, settings: ConnectionSettings, maxReceiveQueue: number, streams = false) {
    this.#Link = streams ? StreamingNodeLink : NodeLink;
    this.#dialer = new NodeDialer(node);
    this.#settings = settings;
    this.#client = { backlog: new Backlog(maxReceiveQueue), warn };
  }

  async dial(request: DialRequest): Promise<AcceptedDial> {
    const dialed = await this.#dialer.dial(request);
    const { protocol, extensions, httpVersion, stream } = dialed;
    return {
      protocol,
      extensions,
      httpVersion,
      open: (listener) => new this.#Link(dialed, this.#settings, listener, this.#client),
      abandon: () => discard(stream),
    };
  }

  prepare(message: unknown, options: SendOptions | undefined, isOver = false): WaitingPayload {
    if (typeof message === "object" && message !== null && isStream(message))
      return refuseStream(message, options, isOver);
    const read = options === undefined ? undefined : readMessageOptions("send", options);
    const { payload } = outgoingMessage(message, read);
    const own = read && { key: read.key, compress: read.compression !== Compression.forbidden };
    if (typeof payload === "string") return { message: payload, size: Buffer.byteLength(payload), options: own };
    if (payload instanceof Uint8Array) return { message: Buffer.from(payload), size: payload.length, options: own };
    return { message: message as Blob, size: payload.size, options: own };
  }

  warn(error: unknown): void {
    warn(error);
  }

  isHidden(): boolean {
    return false;
  }

  watch(): () => void {
    return () => undefined;
  }

  now(): number {
    return performance.now();
  }
}
