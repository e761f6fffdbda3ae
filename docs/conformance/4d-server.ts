import { shown, type Section } from "./requirement.ts";

/** The object model, section 1: the server and its handler. */
export const serverModel: readonly Section[] = [
  {
    prefix: "4D-1",
    title: "Object model, 1. WebSocketServer",
    requirements: [
      shown("4D-1-starts", "server", "`new WebSocketServer(handler, options)` creates and starts the server."),
      shown("4D-1-attach-http", "server", "`options.server` may be an `http.Server` of the application."),
      shown("4D-1-attach-https", "server", "`options.server` may be an `https.Server`."),
      shown("4D-1-attach-http2", "server", "`options.server` may be a secure `http2` server."),
      shown("4D-1-own-server", "server", "With `port` and `host` the server creates a web server of its own."),
      shown("4D-1-own-tls", "server", "With `tls` this web server uses TLS."),
      shown(
        "4D-1-handleUpgrade",
        "server",
        "Without `server` and `port`, requests come in through `handleUpgrade(request, socket, head)`.",
      ),
      shown(
        "4D-1-share-by-path",
        "server",
        "Several servers may share one web server. `path` decides which one gets a request.",
      ),
      shown("4D-1-unknown-path", "server", "A request for a path that none of them serves gets 404."),
      shown(
        "4D-1-other-listeners",
        "server",
        "If an `upgrade` listener of the application handles a request, the server does nothing with it.",
      ),
      shown("4D-1-path", "server", "`path` is the request path that this server accepts."),
      shown("4D-1-path-undefined", "server", "Without `path` the server accepts every path."),
      shown("4D-1-dataType-default", "server", "The default of `dataType` is `text`."),
      shown("4D-1-connections", "server", "`connections` has all open connections."),
      shown("4D-1-connections-live", "server", "`connections` is live: it changes when a connection opens or closes."),
      shown(
        "4D-1-connections-members",
        "server",
        "`connections` is iterable and has length, indexes, at, map, filter, find, some and forEach.",
      ),
      shown(
        "4D-1-connections-safe",
        "server",
        "`connections` can be iterated safely while connections open and close.",
      ),
      shown("4D-1-connections-get", "server", "`connections.get(id)` returns the connection with that id."),
      shown("4D-1-dataType", "server", "`.dataType` is the value of the option, and read-only."),
      shown("4D-1-handler", "server", "`.handler` is the handler given to the constructor."),
      shown("4D-1-path-member", "server", "`.path` is the value of the option, and read-only."),
      shown("4D-1-terminated", "server", "`.terminated` is true after the server was closed, and read-only."),
      shown(
        "4D-1-terminate",
        "server",
        "`terminate()` starts the closing handshake on every connection, and destroys each socket after the peer's answer.",
      ),
      shown(
        "4D-1-terminate-seconds",
        "server",
        "`terminate(n)` does the same, and destroys the remaining connections after n seconds.",
      ),
      shown("4D-1-terminate-zero", "server", "`terminate(0)` destroys all connections at once, without close frames."),
      shown("4D-1-terminate-1001", "server", "`terminate` closes the connections with code 1001."),
      shown(
        "4D-1-terminate-bounded",
        "server",
        "Without a timeout, `closeTimeout` of each connection limits the wait.",
      ),
      shown("4D-1-terminate-promise", "server", "The promise of `terminate` settles after the server's `onTerminate`."),
    ],
  },
  {
    prefix: "4D-1-handler",
    title: "Object model, 1. The server handler",
    requirements: [
      shown("4D-1-handler-any", "server", "Any object may be the handler. Only `onConnection` is mandatory."),
      shown("4D-1-handler-this", "server", "Callbacks are called as methods of the handler, with `(wss, event)`."),
      shown("4D-1-handler-connection", "server", "`onConnection` is called with `type: connection` and the `request`."),
      shown(
        "4D-1-handler-accept",
        "server",
        "If `onConnection` returns a connection handler, the connection is created and added to `connections`.",
      ),
      shown("4D-1-handler-cancel", "server", "If `onConnection` returns null or undefined, the connection is refused."),
      shown("4D-1-handler-open", "server", "`onOpen` is called when the server has started, with `type: open`."),
      shown(
        "4D-1-handler-open-order",
        "server",
        "`onOpen` is called after the constructor returned and before the first `onConnection`.",
      ),
      shown(
        "4D-1-handler-terminate",
        "server",
        "`onTerminate` is called when the WebSocket server was closed, with `type: terminate`.",
      ),
      shown("4D-1-handler-terminate-web", "server", "`onTerminate` is called when the web server was closed."),
      shown(
        "4D-1-handler-terminate-last",
        "server",
        "`onTerminate` of the server is called after `onTerminate` of every connection.",
      ),
      shown(
        "4D-1-handler-error",
        "server",
        "`onError` is called when the server fails, with `type: error` and `errors`.",
      ),
      shown("4D-1-handler-error-port", "server", "If the port is in use, `onError` is called."),
      shown("4D-1-handler-403", "server", "A refused client gets HTTP 403 and no 101."),
      shown(
        "4D-1-handler-async",
        "server",
        "`onConnection` may be async. Bytes that arrive before it settles are kept.",
      ),
      shown(
        "4D-1-handler-refuse",
        "server",
        "`onConnection` may refuse a client with any HTTP status, body and headers.",
      ),
      shown("4D-1-handler-subprotocol", "server", "`onConnection` may select the subprotocol."),
      shown(
        "4D-1-handler-throws",
        "server",
        "If `onConnection` throws, `onError` is called, and the client gets 500 without the text of the error.",
      ),
    ],
  },
  {
    prefix: "4D-1-request",
    title: "Object model, 1. The request",
    requirements: [
      shown(
        "4D-1-request-headers",
        "server",
        "`headers` has the header fields by their name in lower case. A field that was sent several times is an array.",
      ),
      shown(
        "4D-1-request-query",
        "server",
        "`query` has the decoded parameters. A key that was sent several times is an array.",
      ),
      shown("4D-1-request-url", "server", "`url` is the request target as it was sent."),
      shown("4D-1-request-address", "server", "`remoteAddress` is the address of the peer."),
      shown("4D-1-request-prototype", "server", "`headers` and `query` have no prototype."),
    ],
  },
];
