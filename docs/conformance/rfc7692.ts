import { shown, type Section } from "./requirement.ts";

/** RFC 7692, 5 to 8: permessage-deflate. */
export const compression: readonly Section[] = [
  {
    prefix: "7692-5",
    title: "RFC 7692, 5. Extension negotiation",
    requirements: [
      shown("7692-5-1", "client", "An offer has the name of the extension, and the parameters that are wanted."),
      shown("7692-5-2", "server", "SHOULD: the first offer that can be accepted is accepted."),
      shown("7692-5-3", "server", "The answer has the name of the extension, and parameters that fit the offer."),
      shown("7692-5-4", "server", "If no offer is accepted, the connection goes on without compression."),
      shown("7692-5-5", "client", "An answer that does not fit the offer fails the handshake."),
    ],
  },
  {
    prefix: "7692-6",
    title: "RFC 7692, 6. Framing",
    requirements: [
      shown("7692-6-1", "both", "RSV1 of its first frame says whether a message is compressed."),
      shown("7692-6-2", "both", "RSV1 is set on no control frame, and on no frame of a message after the first."),
      shown("7692-6-3", "both", "A received frame that breaks this fails the connection."),
      shown("7692-6-4", "both", "The opcode is that of the message before compression."),
      shown("7692-6-5", "both", "A compressed text is UTF-8 after decompression. Before it, it need not be."),
      shown("7692-6-6", "server", "No second extension that uses RSV1 is agreed on."),
    ],
  },
  {
    prefix: "7692-6.1",
    title: "RFC 7692, 6.1. Compression",
    requirements: [
      shown("7692-6.1-1", "both", "A compressed message is sent with RSV1 and with the compressed payload."),
      shown("7692-6.1-2", "both", "A message that is not compressed is sent without RSV1. Each message may be."),
    ],
  },
  {
    prefix: "7692-6.2",
    title: "RFC 7692, 6.2. Decompression",
    requirements: [
      shown("7692-6.2-1", "both", "The payloads of all frames of a compressed message are joined, then decompressed."),
      shown("7692-6.2-2", "both", "A message without RSV1 is received as if there were no compression."),
    ],
  },
  {
    prefix: "7692-7",
    title: "RFC 7692, 7. The extension permessage-deflate",
    requirements: [
      shown("7692-7-1", "server", "An offer with an unknown parameter is declined."),
      shown("7692-7-2", "server", "An offer with a parameter of an invalid value is declined."),
      shown("7692-7-3", "server", "An offer in which a parameter comes twice is declined."),
      shown(
        "7692-7-4",
        "server",
        "An offer that the server does not support is declined: zlib has no window of 8 bits.",
      ),
      shown("7692-7-5", "client", "An answer with an unknown parameter, an invalid value or a parameter twice fails."),
      shown("7692-7-6", "client", "An answer that the client does not support fails."),
    ],
  },
  {
    prefix: "7692-7.1.1",
    title: "RFC 7692, 7.1.1. Context takeover",
    requirements: [
      shown("7692-7.1.1-1", "server", "server_no_context_takeover is accepted by the same parameter in the answer."),
      shown("7692-7.1.1-2", "server", "SHOULD: a server supports server_no_context_takeover in an offer."),
      shown("7692-7.1.1-3", "both", "server_no_context_takeover and client_no_context_takeover have no value."),
      shown("7692-7.1.1-4", "client", "A client supports client_no_context_takeover in an answer."),
    ],
  },
  {
    prefix: "7692-7.1.2",
    title: "RFC 7692, 7.1.2. Window size",
    requirements: [
      shown("7692-7.1.2-1", "both", "The size of a window is 8 to 15, in decimal and without leading zeroes."),
      shown("7692-7.1.2-2", "client", "client_max_window_bits has a value in an answer. The client keeps to it."),
      shown("7692-7.1.2-3", "server", "The answer has server_max_window_bits of the offer, or a smaller one."),
      shown("7692-7.1.2-4", "server", "client_max_window_bits may come without a value in an offer."),
      shown("7692-7.1.2-5", "server", "The answer has no client_max_window_bits if the offer has none. We send none."),
    ],
  },
  {
    prefix: "7692-7.2.1",
    title: "RFC 7692, 7.2.1. Compression with DEFLATE",
    requirements: [
      shown("7692-7.2.1-1", "both", "The data ends with an empty block, without its last four bytes 00 00 ff ff."),
      shown("7692-7.2.1-2", "both", "Without context takeover each message is compressed with an empty window."),
      shown("7692-7.2.1-3", "both", "The window is not larger than what was agreed on."),
      shown("7692-7.2.1-4", "both", "A block with BFINAL is padded with zeroes to whole bytes. We send none."),
      shown(
        "7692-7.2.1-5",
        "both",
        "With context takeover a message may refer to those before it; the receiver reads on.",
      ),
    ],
  },
  {
    prefix: "7692-7.2.2",
    title: "RFC 7692, 7.2.2. Decompression with DEFLATE",
    requirements: [
      shown("7692-7.2.2-1", "both", "The four bytes are appended to the payload, and the result is decompressed."),
      shown("7692-7.2.2-2", "both", "Blocks of every kind are read: several, with BFINAL, empty, not compressed."),
      shown("7692-7.2.2-3", "server", "A client may use a window of 32 KiB: no smaller one was agreed on."),
      shown(
        "7692-7.2.2-4",
        "server",
        "The window is kept unless client_no_context_takeover was agreed. We agree on it always.",
      ),
    ],
  },
  {
    prefix: "7692-8",
    title: "RFC 7692, 8. Security considerations",
    requirements: [
      shown("7692-8-1", "both", "SHOULD: mind attacks on the length of compressed secrets. A message may be left out."),
    ],
  },
];
