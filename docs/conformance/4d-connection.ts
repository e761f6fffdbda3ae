import { shown, type Section } from "./requirement.ts";

/** The object model, section 2: the connection handler. */
export const handlerModel: readonly Section[] = [
  {
    prefix: "4D-2",
    title: "Object model, 2. The connection handler",
    requirements: [
      shown("4D-2-any", "server", "Any object may be the handler; only `onMessage` is mandatory."),
      shown("4D-2-shared", "server", "One object may serve several connections; the library never writes on it."),
      shown("4D-2-open", "server", "`onOpen` gets `type: open`, once, after `onConnection` returned."),
      shown(
        "4D-2-open-first",
        "server",
        "`onOpen` comes before the first message, also when frames came with the handshake.",
      ),
      shown("4D-2-message", "server", "`onMessage` gets `type: message` and `data` for each whole message."),
      shown("4D-2-error", "server", "`onError` gets `type: error` and `errors`, at most once."),
      shown("4D-2-error-stops", "server", "An error stops the processing."),
      shown("4D-2-terminate", "server", "`onTerminate` comes always, exactly once and last."),
      shown("4D-2-terminate-code", "server", "Its `code` and `reason` are the peer's."),
      shown("4D-2-terminate-1005", "server", "Without a code from the peer it is 1005 when nothing went wrong."),
      shown("4D-2-terminate-1006", "server", "Without a code from the peer it is 1006 when something did."),
      shown("4D-2-terminate-reason", "server", "Without a reason from the peer `reason` is undefined."),
      shown("4D-2-terminate-left", "server", "By then `status` is Closed and the connection has left `connections`."),
      shown(
        "4D-2-errors",
        "server",
        "`errors` is newest first, each `{ errCode, message, componentSignature, cause }`.",
      ),
      shown(
        "4D-2-errors-table",
        "server",
        "`errCode` and `componentSignature` come from one table, in the code and the docs.",
      ),
      shown("4D-2-throws", "server", "An exception or rejection in a callback: `onError`, then close with 1011."),
      shown(
        "4D-2-throws-server",
        "server",
        "Without `onError` on the connection handler, the server handler's `onError`.",
      ),
      shown("4D-2-throws-warning", "server", "Without that too: one process warning."),
      shown("4D-2-throws-wire", "server", "The error's text never goes on the wire."),
      shown("4D-2-no-crash", "server", "No peer can crash the process."),
    ],
  },
];

/** The object model, section 3: the connection. */
export const connectionModel: readonly Section[] = [
  {
    prefix: "4D-3",
    title: "Object model, 3. WebSocketConnection",
    requirements: [
      shown("4D-3-made-by-server", "server", "Only the server makes connections."),
      shown("4D-3-handler", "server", "`.handler` is the connection handler."),
      shown("4D-3-id", "server", "`.id` is an integer, unique for the life of the server, read-only."),
      shown("4D-3-status", "server", "`.status` is Connected, Closing or Closed, read-only."),
      shown("4D-3-wss", "server", "`.wss` is the parent server, read-only."),
    ],
  },
  {
    prefix: "4D-3-send",
    title: "Object model, 3. send",
    requirements: [
      shown("4D-3-send-text", "server", "A string leaves as a UTF-8 text frame."),
      shown("4D-3-send-blob", "server", "A Uint8Array, Buffer, view, ArrayBuffer or Blob leaves as a binary frame."),
      shown(
        "4D-3-send-object",
        "server",
        "An object, array or `toJSON` leaves as the text that `JSON.stringify` gives.",
      ),
      shown("4D-3-send-by-argument", "server", "The argument's type decides, whatever the `dataType`."),
      shown("4D-3-send-type-error", "server", "Any other value: TypeError."),
      shown("4D-3-send-dropped", "server", "When not Connected the message is dropped, and the result says so."),
    ],
  },
  {
    prefix: "4D-3-terminate",
    title: "Object model, 3. terminate",
    requirements: [
      shown("4D-3-terminate-forms", "server", "`terminate(code, message)` and `terminate({ code, message })` close."),
      shown("4D-3-terminate-app-code", "server", "A code over 3000, to 4999, is sent with the message."),
      shown("4D-3-terminate-small-code", "server", "With a smaller code the message is not sent; an allowed code is."),
      shown("4D-3-terminate-impossible", "server", "An impossible code: RangeError."),
      shown("4D-3-terminate-long", "server", "A message over 123 bytes of UTF-8: RangeError."),
      shown("4D-3-terminate-twice", "server", "Calling it again does nothing."),
    ],
  },
  {
    prefix: "4D-3-receive",
    title: "Object model, 3. Receiving",
    requirements: [
      shown("4D-3-receive-text-text", "server", "dataType text, text frame: a string."),
      shown(
        "4D-3-receive-text-binary",
        "server",
        "dataType text, binary frame: its bytes as UTF-8 text; not UTF-8: 1007.",
      ),
      shown("4D-3-receive-blob-text", "server", "dataType blob, text frame: the bytes of the text."),
      shown("4D-3-receive-blob-binary", "server", "dataType blob, binary frame: the bytes."),
      shown("4D-3-receive-object", "server", "dataType object: what `JSON.parse` gives, for text and binary frames."),
      shown("4D-3-receive-not-json", "server", "dataType object, not JSON: `onError` and 1007."),
      shown("4D-3-receive-not-json-keep", "server", "An option keeps the connection instead."),
      shown("4D-3-receive-auto", "server", "dataType auto: a string for text, bytes for binary."),
    ],
  },
  {
    prefix: "4D-4",
    title: "Object model, 4. Order",
    requirements: [
      shown("4D-4-order", "server", "`onOpen`, then `onMessage`s, then at most one `onError`, then `onTerminate`."),
      shown("4D-4-one-at-a-time", "server", "Never two callbacks of one connection at a time."),
      shown("4D-4-async", "server", "The next message of a connection waits until an async `onMessage` settles."),
      shown("4D-4-pause", "server", "Meanwhile reading pauses within a small bound."),
      shown("4D-4-sync", "server", "Synchronous handlers pay nothing: messages of one read come in one turn."),
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
      shown("4D-page-created", "server", "Made when `onConnection` returns a connection handler.", [
        "4D-1-handler-accept",
      ]),
      shown("4D-page-handler", "server", "`.handler`: accessor to that handler.", ["4D-3-handler"]),
      shown("4D-page-id", "server", "`.id`: integer, unique, read-only.", ["4D-3-id"]),
      shown("4D-page-send-text", "server", "`.send(text)`: text in UTF-8.", ["4D-3-send-text"]),
      shown("4D-page-send-blob", "server", "`.send(blob)`: binary data.", ["4D-3-send-blob"]),
      shown("4D-page-send-object", "server", "`.send(object)`: JSON text in UTF-8.", ["4D-3-send-object"]),
      shown("4D-page-status", "server", "`.status`: Closing, Closed or Connected, read-only.", ["4D-3-status"]),
      shown("4D-page-terminate", "server", "`.terminate({ code, message })` closes.", ["4D-3-terminate-forms"]),
      shown("4D-page-terminate-code", "server", "Code and message can be sent to the client.", [
        "4D-3-terminate-app-code",
      ]),
      shown("4D-page-terminate-3000", "server", "The code must be over 3000, or the message is not sent.", [
        "4D-3-terminate-small-code",
      ]),
      shown("4D-page-wss", "server", "`.wss`: the parent server, read-only.", ["4D-3-wss"]),
    ],
  },
];
