import type { ServerResponse } from "node:http";

import type { FastifyLike, ReplyLike } from "./fastify-types.ts";

type Send = (this: ReplyLike, ...body: unknown[]) => unknown;

/** Knows which handshakes a hook has answered. `reply.sent` is true only after the answer has ended. */
export class AnsweredReplies {
  /** The responses of replies that `send` was called of. Their `onSend` hooks may still run. */
  readonly #sending = new WeakSet<ServerResponse>();

  /** Watches the replies of an application, as far as they answer a handshake. */
  constructor(app: FastifyLike, isHandshake: (reply: ReplyLike) => boolean) {
    const sending = this.#sending;
    let original: Send | undefined;
    const send: Send = function (...body) {
      if (isHandshake(this)) sending.add(this.raw);
      original ??= sendBefore(this, send);
      return original.apply(this, body);
    };
    // A hook that wraps the `send` of a reply would come too late for hooks that were added before it.
    app.decorateReply("send", send);
  }

  /** Whether an answer has begun, or was cut, or the reply is somebody else's. */
  has(reply: ReplyLike): boolean {
    const { raw } = reply;
    return reply.sent || raw.destroyed || raw.headersSent || this.#sending.has(raw);
  }
}

/** The `send` that this one was put before: of the next prototype. */
function sendBefore(reply: ReplyLike, send: Send): Send {
  let holder = reply;
  while (!Object.hasOwn(holder, "send") || (holder.send as unknown) !== send)
    holder = Object.getPrototypeOf(holder) as ReplyLike;
  return (Object.getPrototypeOf(holder) as { readonly send: Send }).send;
}
