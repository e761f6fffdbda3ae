import type { DataType } from "../../connection/receiving/decode.ts";
import { InvalidArgumentError } from "../../errors/errors.ts";
import { readTable } from "../../util/option-table.ts";
import { ClientSocket, checkClientHandler, whenOpen } from "../client-socket.ts";
import type { ClientHandler, Provided } from "../handler.ts";
import type { ClientOptions } from "../options.ts";
import { ALIASES, clientSettings, sharedOptions, withHandlerType } from "../settings.ts";
import { BrowserPlatform } from "./browser-platform.ts";

/** Options that a browser cannot have: the platform hides what they change. */
const NODE_ONLY =
  "headers origin maxHeaderSize maxStreamSize maxFragments invalidJson sendQueuePolicy pingInterval pingTimeout compression tls proxy socketPath createConnection http2".split(
    " ",
  );

/**
 * A WebSocket client in a page or a worker, on the platform's own socket. It has the same members and callbacks as that of Node: see
 * there.
 */
export class WebSocket<H extends object = object, S = unknown, T extends DataType = "text"> extends ClientSocket<
  H,
  S,
  T
> {
  /**
   * Makes a client, and connects it.
   *
   * @param url may be relative to the page
   * @throws {InvalidArgumentError} for a wrong argument, an option that does not exist, or one that only Node has
   * @throws {OutOfRangeError} for a number out of range
   */
  constructor(url: Provided<string | URL>, handler?: H & ClientHandler<S, T>, options: ClientOptions<T> = {}) {
    const given = handler ?? ({} as H);
    checkClientHandler(given);
    if ((given as ClientHandler).onMessageStart)
      throw new InvalidArgumentError("handler: onMessageStart: a browser gives a message only as a whole");
    if (typeof options !== "object" || (options as unknown) === null)
      throw new InvalidArgumentError("options: expected an object");
    const values = readTable(sharedOptions, withHandlerType(withoutNodeOptions(options, given), given), ALIASES);
    const platform = new BrowserPlatform(values);
    super(given, {
      settings: clientSettings(url, values, platform.baseUrl),
      dataType: values.dataType,
      platform,
    });
  }

  /** Makes a client, and waits until it is connected and `onOpen` has settled. Rejects with what ended the client before. */
  static connect<H extends object = object, S = unknown, T extends DataType = "text">(
    url: Provided<string | URL>,
    handler?: H & ClientHandler<S, T>,
    options?: ClientOptions<T>,
  ): Promise<WebSocket<H, S, T>> {
    return whenOpen(new WebSocket<H, S, T>(url, handler, options));
  }
}

/** A client of a server whose connection handler has the type `S`: its messages have the types of the server's. */
export type ClientOf<S> = WebSocket<object, S, DataType>;

/** The options without those of Node, which may be there only as undefined. */
function withoutNodeOptions(options: object, { headers }: { readonly headers?: unknown }): object {
  const refuse = (name: string): never => {
    throw new InvalidArgumentError(`${name}: a browser does not allow it`);
  };
  if (headers !== undefined) refuse("headers");
  const shared = Object.entries(options).filter(([name, value]) => {
    const isShared = !NODE_ONLY.includes(name);
    return isShared || (value !== undefined && refuse(name));
  });
  return Object.fromEntries(shared);
}
