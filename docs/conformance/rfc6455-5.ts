import { notApplicable, shown, type Section } from "./requirement.ts";

const NO_PROXY = "Hawser is an endpoint, never an intermediary";
const NO_EXTENSION = "a rule for authors of extensions";

/** RFC 6455, 5: frames. */
export const framing: readonly Section[] = [
  {
    prefix: "6455-5.1",
    title: "RFC 6455, 5.1. Data framing, overview",
    requirements: [
      shown("6455-5.1-1", "client", "A client masks every frame that it sends."),
      shown("6455-5.1-2", "server", "A server closes the connection if a frame is not masked."),
      shown("6455-5.1-3", "server", "A server masks no frame that it sends."),
      shown("6455-5.1-4", "client", "A client closes the connection if a frame is masked."),
    ],
  },
  {
    prefix: "6455-5.2",
    title: "RFC 6455, 5.2. Base framing protocol",
    requirements: [
      shown("6455-5.2-1", "both", "RSV1, RSV2 and RSV3 are sent as 0, except where an extension gives them a meaning."),
      shown("6455-5.2-2", "both", "A received reserved bit that no extension uses fails the connection."),
      shown("6455-5.2-3", "both", "An unknown opcode (3 to 7, 11 to 15) fails the connection."),
      shown("6455-5.2-4", "both", "The highest bit of a 64-bit length is 0. A received 1 fails the connection."),
      shown("6455-5.2-5", "both", "Each length is sent in its shortest form."),
      shown("6455-5.2-6", "both", "A received length that is not in its shortest form fails the connection."),
      shown("6455-5.2-7", "both", "Lengths of 7, 16 and 64 bits are read in network byte order."),
      notApplicable("6455-5.2-8", "other", "An extension defines the length of its extension data.", NO_EXTENSION),
      notApplicable("6455-5.2-9", "other", "An extension defines how its use is negotiated.", NO_EXTENSION),
    ],
  },
  {
    prefix: "6455-5.3",
    title: "RFC 6455, 5.3. Client-to-server masking",
    requirements: [
      shown("6455-5.3-1", "client", "A masked frame has the mask bit set."),
      shown("6455-5.3-2", "client", "Each frame has a new masking key."),
      shown("6455-5.3-3", "client", "The keys come from a strong source of entropy."),
      shown("6455-5.3-4", "client", "The next masking key cannot be predicted from those before it."),
      shown(
        "6455-5.3-5",
        "both",
        "Octet i is XORed with octet i modulo 4 of the key. The payload length does not include the key.",
      ),
    ],
  },
  {
    prefix: "6455-5.4",
    title: "RFC 6455, 5.4. Fragmentation",
    requirements: [
      shown("6455-5.4-1", "both", "A control frame is not fragmented.", ["6455-5.5-2"]),
      shown("6455-5.4-2", "both", "Fragments are delivered in the order in which they were sent."),
      shown(
        "6455-5.4-3",
        "both",
        "Fragments of two messages are not interleaved. A new message inside another fails the connection.",
      ),
      shown("6455-5.4-4", "both", "Control frames between the fragments of a message are handled."),
      shown("6455-5.4-5", "both", "Fragmented and unfragmented messages are both received."),
      notApplicable("6455-5.4-6", "other", "An intermediary does not refragment a control frame.", NO_PROXY),
      notApplicable(
        "6455-5.4-7",
        "other",
        "An intermediary does not refragment a message with reserved bits that it does not know.",
        NO_PROXY,
      ),
      notApplicable(
        "6455-5.4-8",
        "other",
        "An intermediary does not refragment messages if it does not know the extensions in use.",
        NO_PROXY,
      ),
      notApplicable(
        "6455-5.4-9",
        "other",
        "An intermediary that has not seen the handshake does not refragment messages.",
        NO_PROXY,
      ),
      shown("6455-5.4-10", "both", "All fragments of a message have the type of the first one: text or binary."),
      shown("6455-5.4-11", "both", "The received message does not depend on where frames and reads end."),
      shown("6455-5.4-12", "both", "A continuation frame outside a message fails the connection."),
    ],
  },
  {
    prefix: "6455-5.5",
    title: "RFC 6455, 5.5. Control frames",
    requirements: [
      shown(
        "6455-5.5-1",
        "both",
        "A control frame has a payload of at most 125 bytes. A longer one fails the connection, and none is sent.",
      ),
      shown(
        "6455-5.5-2",
        "both",
        "A control frame is not fragmented. One without FIN fails the connection, and none is sent.",
      ),
    ],
  },
  {
    prefix: "6455-5.5.1",
    title: "RFC 6455, 5.5.1. Close",
    requirements: [
      shown(
        "6455-5.5.1-1",
        "both",
        "A close body starts with a code of two bytes. A body of one byte fails the connection.",
      ),
      notApplicable(
        "6455-5.5.1-2",
        "client",
        "A client does not show the close reason to end users.",
        "the package shows nothing to end users; it passes the reason to the application",
      ),
      shown("6455-5.5.1-3", "client", "A client's close frame is masked."),
      shown("6455-5.5.1-4", "both", "No data frame is sent after a close frame."),
      shown("6455-5.5.1-5", "both", "A close frame is answered with a close frame, if none was sent before."),
      shown("6455-5.5.1-6", "both", "The TCP connection is closed after both close frames were sent and received.", [
        "6455-5.5.1-7",
      ]),
      shown("6455-5.5.1-7", "server", "A server closes the TCP connection at once then."),
    ],
  },
  {
    prefix: "6455-5.5.2",
    title: "RFC 6455, 5.5.2. Ping",
    requirements: [
      shown("6455-5.5.2-1", "both", "A ping is answered with a pong."),
      shown("6455-5.5.2-2", "both", "A ping after a close frame needs no pong. We send none."),
    ],
  },
  {
    prefix: "6455-5.5.3",
    title: "RFC 6455, 5.5.3. Pong",
    requirements: [shown("6455-5.5.3-1", "both", "A pong has the same application data as its ping.")],
  },
  {
    prefix: "6455-5.6",
    title: "RFC 6455, 5.6. Data frames",
    requirements: [
      shown("6455-5.6-1", "both", "A whole text message is valid UTF-8. A frame of it may end inside a character."),
    ],
  },
  {
    prefix: "6455-5.8",
    title: "RFC 6455, 5.8. Extensibility",
    requirements: [
      shown("6455-5.8-1", "both", "No extension is used that was not negotiated in the handshake.", ["6455-5.2-2"]),
    ],
  },
];
