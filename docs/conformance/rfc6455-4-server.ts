import { shown, type Section } from "./requirement.ts";

/** RFC 6455, 4.2 to 4.4: what a server reads and answers. */
export const serverHandshake: readonly Section[] = [
  {
    prefix: "6455-4.2.1",
    title: "RFC 6455, 4.2.1. Reading the client's opening handshake",
    requirements: [
      shown("6455-4.2.1-1", "server", "A handshake that breaks a rule below gets an HTTP error and nothing else."),
      shown("6455-4.2.1-2", "server", "The method is GET."),
      shown("6455-4.2.1-3", "server", "The HTTP version is 1.1 or higher."),
      shown("6455-4.2.1-4", "server", "The request target is a resource name, or an absolute URI that holds it."),
      shown("6455-4.2.1-5", "server", "There is a `Host` field."),
      shown("6455-4.2.1-6", "server", "`Upgrade` holds `websocket`, in any case."),
      shown("6455-4.2.1-7", "server", "`Connection` holds the token `Upgrade`, in any case."),
      shown("6455-4.2.1-8", "server", "`Sec-WebSocket-Key` is base64 for exactly 16 bytes."),
      shown("6455-4.2.1-9", "server", "`Sec-WebSocket-Version` is 13."),
      shown("6455-4.2.1-10", "server", "`Sec-WebSocket-Protocol`, if there, is a list of different tokens."),
      shown("6455-4.2.1-11", "server", "`Sec-WebSocket-Extensions`, if there, follows its grammar."),
      shown("6455-4.2.1-12", "server", "The order and the case of field names do not matter."),
      shown("6455-4.2.1-13", "server", "Unknown fields are ignored."),
      shown("6455-4.2.1-14", "server", "`Origin` may be missing: such a client is not taken for a browser."),
    ],
  },
  {
    prefix: "6455-4.2.2",
    title: "RFC 6455, 4.2.2. Sending the server's opening handshake",
    requirements: [
      shown("6455-4.2.2-1", "server", "On a TLS port everything, the answer included, runs through the tunnel."),
      shown("6455-4.2.2-2", "server", "An unwanted origin gets an HTTP error (403) and no WebSocket."),
      shown("6455-4.2.2-3", "server", "A version other than 13 gets an HTTP error (426) and no WebSocket."),
      shown("6455-4.2.2-4", "server", "That error has `Sec-WebSocket-Version` with the versions understood."),
      shown("6455-4.2.2-5", "server", "A resource that is not there gets an HTTP error (404) and no WebSocket."),
      shown("6455-4.2.2-6", "server", "The subprotocol is one of those that the client offered."),
      shown("6455-4.2.2-7", "server", "Without agreement the answer has no `Sec-WebSocket-Protocol` field."),
      shown("6455-4.2.2-8", "server", "The empty string is never sent as subprotocol."),
      shown("6455-4.2.2-9", "server", "Extensions in use are chosen from those that the client offered."),
      shown("6455-4.2.2-10", "server", "An extension that the client did not offer is never listed.", ["6455-4.2.2-9"]),
      shown("6455-4.2.2-11", "server", "The accepting answer is a valid HTTP response with status 101."),
      shown("6455-4.2.2-12", "server", "It has `Upgrade: websocket`."),
      shown("6455-4.2.2-13", "server", "It has `Connection: Upgrade`."),
      shown("6455-4.2.2-14", "server", "It has `Sec-WebSocket-Accept`: base64 of the SHA-1 of the key and the GUID."),
      shown("6455-4.2.2-15", "server", "After it the connection is open: both ends may send."),
    ],
  },
  {
    prefix: "6455-4.3",
    title: "RFC 6455, 4.3. Collected ABNF",
    requirements: [
      shown("6455-4.3-1", "both", "A quoted extension parameter is a token once it is unquoted."),
      shown("6455-4.3-2", "server", "The client's `Sec-WebSocket-Version` is 0 to 255 without leading zeros."),
      shown("6455-4.3-3", "server", "The server's `Sec-WebSocket-Protocol` is a single token.", ["6455-4.2.2-6"]),
    ],
  },
  {
    prefix: "6455-4.4",
    title: "RFC 6455, 4.4. Supporting multiple versions",
    requirements: [
      shown("6455-4.4-1", "server", "An unsupported version is answered with all versions that would do.", [
        "6455-4.2.2-4",
      ]),
    ],
  },
];
