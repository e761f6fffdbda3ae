import { shown, type Section } from "./requirement.ts";

/** The object model, section 2: the connection handler. */
export const handlerModel: readonly Section[] = [
  {
    prefix: "4D-2",
    title: "Object model, 2. The connection handler",
    requirements: [
      shown("4D-2-any", "server", "Any object may be the handler. Only `onMessage` is mandatory."),
      shown(
        "4D-2-shared",
        "server",
        "One object may be the handler of several connections. The library never changes it.",
      ),
      shown("4D-2-open", "server", "`onOpen` is called once, after `onConnection` returned, with `type: open`."),
      shown(
        "4D-2-open-first",
        "server",
        "`onOpen` is called before the first message, even if frames arrived together with the handshake.",
      ),
      shown(
        "4D-2-message",
        "server",
        "`onMessage` is called for each complete message, with `type: message` and `data`.",
      ),
      shown("4D-2-error", "server", "`onError` is called at most once, with `type: error` and `errors`."),
      shown("4D-2-error-stops", "server", "After an error no message is delivered."),
      shown("4D-2-terminate", "server", "`onTerminate` is always called, exactly once, and last."),
      shown("4D-2-terminate-code", "server", "`onTerminate` gets the peer's `code` and `reason`."),
      shown("4D-2-terminate-1005", "server", "If the peer sent no code and nothing failed, `code` is 1005."),
      shown("4D-2-terminate-1006", "server", "If the peer sent no code and the connection failed, `code` is 1006."),
      shown("4D-2-terminate-reason", "server", "If the peer sent no reason, `reason` is undefined."),
      shown(
        "4D-2-terminate-left",
        "server",
        "In `onTerminate`, `status` is Closed and the connection is no longer in `connections`.",
      ),
      shown(
        "4D-2-errors",
        "server",
        "`errors` lists the newest error first. Each is `{ errCode, message, componentSignature, cause }`.",
      ),
      shown(
        "4D-2-errors-table",
        "server",
        "`errCode` and `componentSignature` are those of one table, which the code and the docs share.",
      ),
      shown(
        "4D-2-throws",
        "server",
        "If a callback throws or rejects, `onError` is called and the connection is closed with 1011.",
      ),
      shown(
        "4D-2-throws-server",
        "server",
        "If the connection handler has no `onError`, that of the server handler is called.",
      ),
      shown("4D-2-throws-warning", "server", "If neither has `onError`, one process warning is emitted."),
      shown("4D-2-throws-wire", "server", "The text of an error is never sent to the peer."),
      shown("4D-2-no-crash", "server", "Nothing that a peer sends can crash the process."),
    ],
  },
];

/** The object model, section 3: the connection. */
export const connectionModel: readonly Section[] = [
  {
    prefix: "4D-3",
    title: "Object model, 3. WebSocketConnection",
    requirements: [
      shown("4D-3-made-by-server", "server", "Only the server creates connections."),
      shown("4D-3-handler", "server", "`.handler` is the connection handler."),
      shown("4D-3-id", "server", "`.id` is an integer, unique for the life of the server, and read-only."),
      shown("4D-3-status", "server", "`.status` is Connected, Closing or Closed, and read-only."),
      shown("4D-3-wss", "server", "`.wss` is the server of the connection, and read-only."),
    ],
  },
  {
    prefix: "4D-3-send",
    title: "Object model, 3. send",
    requirements: [
      shown("4D-3-send-text", "server", "A string is sent as a text frame, in UTF-8."),
      shown(
        "4D-3-send-blob",
        "server",
        "A Uint8Array, Buffer, other view, ArrayBuffer or Blob is sent as a binary frame.",
      ),
      shown(
        "4D-3-send-object",
        "server",
        "An array or another object is sent as the text that `JSON.stringify` returns; `toJSON` is called.",
      ),
      shown(
        "4D-3-send-by-argument",
        "server",
        "The type of the argument decides the type of the frame. `dataType` has no influence.",
      ),
      shown("4D-3-send-type-error", "server", "Any other value throws a TypeError."),
      shown(
        "4D-3-send-dropped",
        "server",
        "If the connection is not Connected, the message is dropped and `send` returns false.",
      ),
    ],
  },
  {
    prefix: "4D-3-terminate",
    title: "Object model, 3. terminate",
    requirements: [
      shown(
        "4D-3-terminate-forms",
        "server",
        "`terminate(code, message)` and `terminate({ code, message })` close the connection.",
      ),
      shown("4D-3-terminate-app-code", "server", "A code from 3001 to 4999 is sent with the message."),
      shown(
        "4D-3-terminate-small-code",
        "server",
        "A smaller code is sent without the message, if RFC 6455 allows that code.",
      ),
      shown("4D-3-terminate-impossible", "server", "A code above 4999, or that is no integer, throws a RangeError."),
      shown(
        "4D-3-terminate-long",
        "server",
        "A message of more than 123 bytes of UTF-8 that would be sent throws a RangeError.",
      ),
      shown("4D-3-terminate-twice", "server", "A second call does nothing."),
    ],
  },
  {
    prefix: "4D-3-receive",
    title: "Object model, 3. Receiving",
    requirements: [
      shown("4D-3-receive-text-text", "server", "With dataType text, a text message is delivered as a string."),
      shown(
        "4D-3-receive-text-binary",
        "server",
        "With dataType text, a binary message is decoded from UTF-8. If it is not UTF-8, the connection fails with 1007.",
      ),
      shown("4D-3-receive-blob-text", "server", "With dataType blob, a text message is delivered as its bytes."),
      shown("4D-3-receive-blob-binary", "server", "With dataType blob, a binary message is delivered as its bytes."),
      shown(
        "4D-3-receive-object",
        "server",
        "With dataType object, text and binary messages are delivered as the result of `JSON.parse`.",
      ),
      shown(
        "4D-3-receive-not-json",
        "server",
        "With dataType object, a message that is not JSON causes `onError` and a close with 1007.",
      ),
      shown("4D-3-receive-not-json-keep", "server", "An option keeps the connection open after such a message."),
      shown("4D-3-receive-auto", "server", "With dataType auto, text is delivered as a string and binary as bytes."),
    ],
  },
  {
    prefix: "4D-4",
    title: "Object model, 4. Order",
    requirements: [
      shown(
        "4D-4-order",
        "server",
        "The order is: `onOpen`, any number of `onMessage`, at most one `onError`, `onTerminate`.",
      ),
      shown("4D-4-one-at-a-time", "server", "Two callbacks of one connection never run at the same time."),
      shown("4D-4-async", "server", "The next message of a connection waits until an async `onMessage` settles."),
      shown("4D-4-pause", "server", "While it waits, reading is paused after a small amount of data."),
      shown(
        "4D-4-sync",
        "server",
        "With a synchronous handler, the messages of one read are delivered in the same turn: as many as a turn may have.",
      ),
      shown("4D-4-independent", "server", "Connections do not wait for each other."),
    ],
  },
];

/** 4D's own page of the class, in its order. */
export const pageModel: readonly Section[] = [
  {
    prefix: "4D-page",
    title: "4D's page of the class WebSocketConnection",
    requirements: [
      shown("4D-page-created", "server", "A connection is created when `onConnection` returns a connection handler.", [
        "4D-1-handler-accept",
      ]),
      shown("4D-page-handler", "server", "`.handler` is that handler.", ["4D-3-handler"]),
      shown("4D-page-id", "server", "`.id` is an integer, unique and read-only.", ["4D-3-id"]),
      shown("4D-page-send-text", "server", "`.send(text)` sends a text in UTF-8.", ["4D-3-send-text"]),
      shown("4D-page-send-blob", "server", "`.send(blob)` sends binary data.", ["4D-3-send-blob"]),
      shown("4D-page-send-object", "server", "`.send(object)` sends JSON text in UTF-8.", ["4D-3-send-object"]),
      shown("4D-page-status", "server", "`.status` is Closing, Closed or Connected, and read-only.", ["4D-3-status"]),
      shown("4D-page-terminate", "server", "`.terminate({ code, message })` closes the connection.", [
        "4D-3-terminate-forms",
      ]),
      shown("4D-page-terminate-code", "server", "`terminate` can send a code and a message to the client.", [
        "4D-3-terminate-app-code",
      ]),
      shown(
        "4D-page-terminate-3000",
        "server",
        "The code must be greater than 3000. Otherwise the message is not sent.",
        ["4D-3-terminate-small-code"],
      ),
      shown("4D-page-wss", "server", "`.wss` is the server of the connection, and read-only.", ["4D-3-wss"]),
    ],
  },
];

/** 4D's page of the client class, in its order. */
export const clientModel: readonly Section[] = [
  {
    prefix: "4D-client",
    title: "4D's page of the class WebSocket, the client",
    requirements: [
      shown("4D-client-new", "client", "`new WebSocket(url, handler?)` connects to a URL of `ws:` or `wss:`."),
      shown(
        "4D-client-failed",
        "client",
        "If connecting fails, 4D returns null and an error. Here `onError` and `onTerminate` (1006) follow, and `connect` rejects.",
      ),
      shown(
        "4D-client-events",
        "client",
        "The handler has `onOpen`, `onMessage`, `onError` and `onTerminate`, with the events of a connection.",
      ),
      shown("4D-client-type", "client", "`dataType` on the handler says what `onMessage` gets."),
      shown(
        "4D-client-headers",
        "client",
        "`headers` on the handler are sent with the handshake. A value may be a list. Cookies are in `headers.Cookie`.",
      ),
      shown("4D-client-members", "client", "`.dataType`, `.handler`, `.id` and `.url` are those of the client."),
      shown("4D-client-status", "client", "`.status` is Connecting, Connected, Closing or Closed."),
      shown("4D-client-send", "client", "`.send()` sends a text, a Blob or an object, as a connection does."),
      shown(
        "4D-client-terminate",
        "client",
        "`.terminate(code?, reason?)` closes with 1000 or 3000 to 4999, and with 1000 without a code.",
      ),
    ],
  },
];
