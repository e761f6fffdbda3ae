import { HandlerKinds } from "../../connection/dispatch/handler-kinds.ts";
import { startsMessages } from "../../connection/dispatch/message-start.ts";
import { misspeltCallbacks } from "../../connection/dispatch/misspelt-callbacks.ts";
import type { DataType } from "../../connection/receiving/decode.ts";
import { Warnings } from "../../util/warnings.ts";
import { CLIENT_CALLBACKS, ClientSocket, checkClientHandler, whenOpen } from "../client-socket.ts";
import type { ClientHandler, Provided } from "../handler.ts";
import type { ClientOptions } from "../options.ts";
import { clientSettings } from "../settings.ts";
import { readUrl } from "../url.ts";
import { destinationOf } from "./destination.ts";
import { connectionSettings, nodeSettings, readNodeOptions } from "./node-options.ts";
import { NodePlatform } from "./node-platform.ts";
import { shareSignal } from "./shared-signal.ts";

/**
 * A WebSocket client: 4D's `WebSocket`. It speaks to any WebSocket server. Creating it starts it; nothing is called back before the
 * constructor has returned.
 *
 * @example
 * const ws = new WebSocket("wss://example.com/chat", {
 *   onOpen(ws) { ws.send("hello"); },
 *   onMessage(ws, { data }) { console.log(data); },
 *   onTerminate(ws, { code, reason }) { console.log("closed", code, reason); },
 * }, { reconnect: true });
 */
export class WebSocket<H extends object = object, S = unknown, T extends DataType = "text"> extends ClientSocket<
  H,
  S,
  T
> {
  /**
   * Makes a client, and connects it.
   *
   * @param url `ws:`, `wss:`, `http:` or `https:`; or a function that is asked for it before every dial
   * @param handler any object; its callbacks are called as its methods
   * @throws {InvalidArgumentError} for a wrong argument, or an option that does not exist. Nothing is dialed then
   * @throws {OutOfRangeError} for a number out of range
   */
  constructor(url: Provided<string | URL>, handler?: H & ClientHandler<S, T>, options: ClientOptions<T> = {}) {
    const given = handler ?? ({} as H);
    checkClientHandler(given);
    warnOfNames(given);
    const values = readNodeOptions(options, given);
    const node = nodeSettings(values);
    // A function is asked for each dial: then the dial fails.
    if (typeof url !== "function") destinationOf(readUrl(url, undefined), node);
    const platform = new NodePlatform(node, connectionSettings(values), values.maxReceiveQueue, startsMessages(given));
    const settings = clientSettings(url, values, undefined, values.headers);
    super(given, { settings, dataType: values.dataType, platform });
    shareSignal(values.signal, this.closed);
  }

  /**
   * Makes a client, and waits until it is connected and `onOpen` has settled.
   *
   * @returns rejects with what ended the client before: a `ConnectError`, `HWS_GAVE_UP`, `HWS_ABORTED`, or the reason of
   * `options.signal`. With the option `reconnect` it waits as long as the client tries: limit it by `reconnect.maxAttempts` or a signal
   * @throws {InvalidArgumentError} for a wrong argument
   * @example
   * await using ws = await WebSocket.connect("wss://example.com");
   * for await (const data of ws) console.log(data);
   */
  static connect<H extends object = object, S = unknown, T extends DataType = "text">(
    url: Provided<string | URL>,
    handler?: H & ClientHandler<S, T>,
    options?: ClientOptions<T>,
  ): Promise<WebSocket<H, S, T>> {
    return whenOpen(new WebSocket<H, S, T>(url, handler, options));
  }
}

const kinds = new HandlerKinds();
const warnings = new Warnings(Infinity);

/** Warns of methods that are never called, because a callback has another name: of each once. */
function warnOfNames(handler: object): void {
  if (!kinds.isNew(handler)) return;
  for (const text of misspeltCallbacks(handler, CLIENT_CALLBACKS))
    warnings.warn(text, { code: "HWS_CALLBACK_NAME", text: () => text });
}

/** A client of a server whose connection handler has the type `S`: its messages have the types of the server's. */
export type ClientOf<S> = WebSocket<object, S, DataType>;
