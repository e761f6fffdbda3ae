import { later, notApplicable, shown, type Section } from "./requirement.ts";

const NO_PROXY = "Hawser is an endpoint, never an intermediary";
const NO_EXTENSION = "a rule for those who write extensions";

/** RFC 6455, 5: frames. */
export const framing: readonly Section[] = [
  {
    prefix: "6455-5.1",
    title: "RFC 6455, 5.1. Data framing, overview",
    requirements: [
      later("6455-5.1-1", "Masks every frame it sends."),
      shown("6455-5.1-2", "server", "Closes the connection on a frame that is not masked."),
      shown("6455-5.1-3", "server", "Masks no frame it sends."),
      shown("6455-5.1-4", "client", "Closes the connection on a masked frame."),
    ],
  },
  {
    prefix: "6455-5.2",
    title: "RFC 6455, 5.2. Base framing protocol",
    requirements: [
      shown("6455-5.2-1", "both", "Sends RSV1, RSV2 and RSV3 as 0 when no extension gives them a meaning."),
      shown("6455-5.2-2", "both", "A received reserved bit without a meaning fails the connection."),
      shown("6455-5.2-3", "both", "An unknown opcode (3 to 7, 11 to 15) fails the connection."),
      shown("6455-5.2-4", "both", "The highest bit of a 64-bit length is 0; a received 1 fails the connection."),
      shown("6455-5.2-5", "both", "Sends each length in its shortest form."),
      shown("6455-5.2-6", "both", "A received length that is not in its shortest form fails the connection."),
      shown("6455-5.2-7", "both", "Reads the 7-bit, 16-bit and 64-bit lengths in network byte order."),
      notApplicable("6455-5.2-8", "other", "An extension says how long its extension data is.", NO_EXTENSION),
      notApplicable("6455-5.2-9", "other", "An extension says how its use is negotiated.", NO_EXTENSION),
    ],
  },
  {
    prefix: "6455-5.3",
    title: "RFC 6455, 5.3. Client-to-server masking",
    requirements: [
      shown("6455-5.3-1", "client", "A masked frame has its mask bit set."),
      later("6455-5.3-2", "Each frame gets a fresh masking key."),
      later("6455-5.3-3", "The keys come from a strong source of entropy."),
      later("6455-5.3-4", "A key does not tell the next one."),
      shown(
        "6455-5.3-5",
        "both",
        "Octet i is XORed with octet i modulo 4 of the key; the key is no part of the length.",
      ),
    ],
  },
  {
    prefix: "6455-5.4",
    title: "RFC 6455, 5.4. Fragmentation",
    requirements: [
      shown("6455-5.4-1", "both", "A control frame is not fragmented.", ["6455-5.5-2"]),
      shown("6455-5.4-2", "both", "Fragments are delivered in the order in which they were sent."),
      shown("6455-5.4-3", "both", "Fragments of two messages are not interleaved: a new message inside one fails."),
      shown("6455-5.4-4", "both", "Handles control frames in the middle of a fragmented message."),
      shown("6455-5.4-5", "both", "Receives both fragmented and unfragmented messages."),
      notApplicable("6455-5.4-6", "other", "An intermediary does not refragment a control frame.", NO_PROXY),
      notApplicable("6455-5.4-7", "other", "An intermediary leaves frames with unknown reserved bits alone.", NO_PROXY),
      notApplicable("6455-5.4-8", "other", "An intermediary leaves frames of unknown extensions alone.", NO_PROXY),
      notApplicable("6455-5.4-9", "other", "An intermediary that saw no handshake does not refragment.", NO_PROXY),
      shown("6455-5.4-10", "both", "All fragments have the type of the first: text or binary."),
      shown("6455-5.4-11", "both", "What is received does not depend on where frames and reads end."),
      shown("6455-5.4-12", "both", "A continuation with nothing to continue fails the connection."),
    ],
  },
  {
    prefix: "6455-5.5",
    title: "RFC 6455, 5.5. Control frames",
    requirements: [
      shown("6455-5.5-1", "both", "A control frame has at most 125 bytes: a longer one fails, and none is sent."),
      shown("6455-5.5-2", "both", "A control frame without FIN fails the connection, and none is sent."),
    ],
  },
  {
    prefix: "6455-5.5.1",
    title: "RFC 6455, 5.5.1. Close",
    requirements: [
      shown("6455-5.5.1-1", "both", "A close body starts with two bytes of code: a body of one byte fails."),
      notApplicable(
        "6455-5.5.1-2",
        "client",
        "A client does not show the close reason to end users.",
        "the package shows nothing to end users; it hands the reason to the program",
      ),
      later("6455-5.5.1-3", "A client's close frame is masked."),
      shown("6455-5.5.1-4", "both", "Sends no data frame after a close frame."),
      shown("6455-5.5.1-5", "both", "Answers a close frame with a close frame, unless it sent one before."),
      shown("6455-5.5.1-6", "both", "Closes TCP once close frames went both ways.", ["6455-5.5.1-7"]),
      shown("6455-5.5.1-7", "server", "Does so at once."),
    ],
  },
  {
    prefix: "6455-5.5.2",
    title: "RFC 6455, 5.5.2. Ping",
    requirements: [
      shown("6455-5.5.2-1", "both", "Answers a ping with a pong."),
      shown("6455-5.5.2-2", "both", "A ping after a close frame needs no pong: it gets none."),
    ],
  },
  {
    prefix: "6455-5.5.3",
    title: "RFC 6455, 5.5.3. Pong",
    requirements: [shown("6455-5.5.3-1", "both", "A pong repeats the data of its ping.")],
  },
  {
    prefix: "6455-5.6",
    title: "RFC 6455, 5.6. Data frames",
    requirements: [
      shown("6455-5.6-1", "both", "A text message is valid UTF-8 as a whole; a frame may end inside a character."),
    ],
  },
  {
    prefix: "6455-5.8",
    title: "RFC 6455, 5.8. Extensibility",
    requirements: [
      shown("6455-5.8-1", "both", "No extension is used that the handshake did not agree on.", ["6455-5.2-2"]),
    ],
  },
];
