import { shown, type Section } from "./requirement.ts";

/** RFC 6455, 4.2 to 4.4: how a server reads and answers a handshake. */
export const serverHandshake: readonly Section[] = [
  {
    prefix: "6455-4.2.1",
    title: "RFC 6455, 4.2.1. Reading the client's opening handshake",
    requirements: [
      shown(
        "6455-4.2.1-1",
        "server",
        "If a handshake breaks one of the rules below, the server answers with an HTTP error and stops.",
      ),
      shown("6455-4.2.1-2", "server", "The method is GET."),
      shown("6455-4.2.1-3", "server", "The HTTP version is 1.1 or higher."),
      shown("6455-4.2.1-4", "server", "The request target is a resource name, or an absolute URI that contains one."),
      shown("6455-4.2.1-5", "server", "There is a `Host` field."),
      shown("6455-4.2.1-6", "server", "`Upgrade` contains `websocket`, in upper or lower case."),
      shown("6455-4.2.1-7", "server", "`Connection` contains the token `Upgrade`, in upper or lower case."),
      shown("6455-4.2.1-8", "server", "`Sec-WebSocket-Key` is exactly 16 bytes in base64."),
      shown("6455-4.2.1-9", "server", "`Sec-WebSocket-Version` is 13."),
      shown(
        "6455-4.2.1-10",
        "server",
        "`Sec-WebSocket-Protocol` may be missing. If it is sent, it is a list of different tokens. An empty one counts as absent.",
      ),
      shown(
        "6455-4.2.1-11",
        "server",
        "`Sec-WebSocket-Extensions` may be missing. One that is empty or breaks its grammar counts as absent.",
      ),
      shown("6455-4.2.1-12", "server", "The order of the fields and the case of their names do not matter."),
      shown("6455-4.2.1-13", "server", "Unknown fields are ignored."),
      shown("6455-4.2.1-14", "server", "`Origin` may be missing. Then the client is not treated as a browser."),
    ],
  },
  {
    prefix: "6455-4.2.2",
    title: "RFC 6455, 4.2.2. Sending the server's opening handshake",
    requirements: [
      shown("6455-4.2.2-1", "server", "On a TLS port all data is encrypted, including the answer to the handshake."),
      shown("6455-4.2.2-2", "server", "An origin that is not allowed gets HTTP 403 and no connection."),
      shown("6455-4.2.2-3", "server", "A version other than 13 gets HTTP 426 and no connection."),
      shown("6455-4.2.2-4", "server", "That answer lists the supported versions in `Sec-WebSocket-Version`."),
      shown("6455-4.2.2-5", "server", "A resource that does not exist gets HTTP 404 and no connection."),
      shown("6455-4.2.2-6", "server", "The selected subprotocol is one that the client offered."),
      shown(
        "6455-4.2.2-7",
        "server",
        "If no subprotocol is selected, the answer has no `Sec-WebSocket-Protocol` field.",
      ),
      shown("6455-4.2.2-8", "server", "The empty string is never sent as a subprotocol."),
      shown("6455-4.2.2-9", "server", "The selected extensions are some of those that the client offered."),
      shown("6455-4.2.2-10", "server", "An extension that the client did not offer is never listed.", ["6455-4.2.2-9"]),
      shown("6455-4.2.2-11", "server", "The accepting answer is a valid HTTP response with status 101."),
      shown("6455-4.2.2-12", "server", "That answer has `Upgrade: websocket`."),
      shown("6455-4.2.2-13", "server", "That answer has `Connection: Upgrade`."),
      shown(
        "6455-4.2.2-14",
        "server",
        "That answer has `Sec-WebSocket-Accept`: the SHA-1 hash of the key and the GUID, in base64.",
      ),
      shown("6455-4.2.2-15", "server", "After that answer the connection is open, and both sides may send."),
    ],
  },
  {
    prefix: "6455-4.3",
    title: "RFC 6455, 4.3. Collected ABNF",
    requirements: [
      shown("6455-4.3-1", "both", "The value of a quoted extension parameter, without the quotes, is a token."),
      shown(
        "6455-4.3-2",
        "server",
        "The client's `Sec-WebSocket-Version` is a number from 0 to 255 without leading zeros.",
      ),
      shown("6455-4.3-3", "server", "The server's `Sec-WebSocket-Protocol` is a single token.", ["6455-4.2.2-6"]),
    ],
  },
  {
    prefix: "6455-4.4",
    title: "RFC 6455, 4.4. Supporting multiple versions",
    requirements: [
      shown("6455-4.4-1", "server", "The answer to an unsupported version lists all supported versions.", [
        "6455-4.2.2-4",
      ]),
    ],
  },
];
