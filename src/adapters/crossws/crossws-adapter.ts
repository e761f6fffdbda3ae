import type { IncomingMessage } from "node:http";

import nodeAdapter, { type NodeAdapter, type NodeOptions } from "crossws/adapters/node";

import { warnOfUnheard } from "../../connection/dispatch/unheard-errors.ts";
import { isAuthority } from "../../handshake/rules/request-checks.ts";
import type { WebSocketServer } from "../../server/websocket-server.ts";
import { Warnings } from "../../util/warnings.ts";
import { ignore } from "../callback-send.ts";
import { type CrosswsServerOptions, crosswsServer } from "./crossws-server.ts";
import { hasHooks, reporting, reportingNow, supervisedHooks, supervisedResolve } from "./supervised-hooks.ts";

/** The options of the adapter: those of crossws' adapter for Node. */
export interface CrosswsOptions extends Omit<NodeOptions, "serverOptions" | "wss"> {
  /** The options of the server. `idleTimeout`, in seconds, sets its `pingInterval` and its `pingTimeout`. */
  readonly serverOptions?: CrosswsServerOptions | undefined;
}

/** The adapter, as crossws makes it for Node. */
export interface CrosswsAdapter extends NodeAdapter {
  /** The server itself, e.g. for `hawser.counters`. */
  readonly hawser: WebSocketServer;
}

/**
 * Makes the adapter of crossws for Node, on Hawser: the same hooks, peers, topics and `sync`, and the same `handleUpgrade`. In place of
 * `crossws/adapters/node`, of which it is made.
 *
 * - It has the hooks `upgrade`, `open`, `message`, `close`, `error`, `drain`, and `pong` for pings of yours. `ping` is never called, and is a warning.
 * - A hook that throws or rejects ends its connection with 1011 and is reported. What `upgrade`, `resolve`,
 *   `getNamespace` or `handleProtocols` fail with is reported too.
 * - The server checks the `Origin` and its limits after the hook `upgrade`.
 * - Where `resolve` has no hooks for a request, and there are no `hooks`, the client gets 404.
 * - `close()` closes all connections, and refuses new ones with 503.
 *
 * @throws {InvalidArgumentError} for an option of a wrong type, or one that crossws decides
 * @throws {OutOfRangeError} for a number out of range
 * @example
 * import { createServer } from "node:http";
 * import { crosswsAdapter } from "hawser/crossws";
 *
 * const ws = crosswsAdapter({ hooks: { message: (peer, message) => void peer.send(message.text()) } });
 * createServer().on("upgrade", ws.handleUpgrade).listen(3000);
 */
export function crosswsAdapter(options: CrosswsOptions = {}): CrosswsAdapter {
  const { serverOptions, hooks, resolve, getNamespace, handleProtocols, idleTimeout, ...others } = options;
  const warnings = new Warnings();
  const wss = crosswsServer({ ...pingOptions(idleTimeout), ...serverOptions });
  const adapter = nodeAdapter({
    ...others,
    ...(hooks === undefined ? {} : { hooks: supervisedHooks(hooks, warnings) }),
    ...(resolve === undefined ? {} : { resolve: supervisedResolve(resolve, warnings, !hasHooks(hooks)) }),
    ...(getNamespace === undefined ? {} : { getNamespace: reportingNow(getNamespace, warnings) }),
    ...(handleProtocols === undefined ? {} : { handleProtocols: reporting(handleProtocols, warnings) }),
    idleTimeout: 0, // the server sends the pings
    wss,
  });
  wss.on("connection", (socket, request) => {
    socket.once("close", () => {
      forgetNamespace(adapter, request);
    });
  });
  return {
    ...adapter,
    hawser: wss.hawser,
    handleUpgrade: async (request, socket, head, webRequest) => {
      // crossws puts its URL together from these, and the hooks see that one.
      if (!isAuthority(request.headers.host ?? "") || request.url?.startsWith("/") !== true) {
        wss.hawser.handleUpgrade(request, socket, head);
        return;
      }
      // While a hook decides, nobody else listens: a client that resets its connection would end the process.
      socket.on("error", ignore);
      try {
        await adapter.handleUpgrade(request, socket, head, webRequest);
      } catch (error) {
        // E.g. the body of a response that refuses. Nobody waits for this promise.
        warnOfUnheard(warnings, error);
        socket.destroy();
      } finally {
        socket.off("error", ignore);
      }
    },
    close: async (code, reason) => {
      // It closes the peers, and waits for a broker, which may fail or never end: the server does not go on meanwhile.
      const closing = adapter.close(code, reason);
      await Promise.all([closing, wss.hawser.terminate()]);
    },
  };
}

/** crossws sends a ping each `idleTimeout` seconds, and cuts a connection that has not answered at the next. */
function pingOptions(idleTimeout: number | undefined): CrosswsServerOptions {
  if (idleTimeout === undefined) return {};
  if (!(idleTimeout > 0)) return { pingInterval: Infinity };
  return { pingInterval: idleTimeout * 1000, pingTimeout: idleTimeout * 1000 };
}

/** crossws keeps the peers of each namespace, which may be any path of a client, and keeps it when the last peer has gone. */
function forgetNamespace({ peers }: NodeAdapter, request: IncomingMessage): void {
  const { _namespace } = request as { readonly _namespace?: string };
  if (_namespace !== undefined && peers.get(_namespace)?.size === 0) peers.delete(_namespace);
}
