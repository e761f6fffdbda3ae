import { shown, type Section } from "./requirement.ts";

/** RFC 6455, 6: sending and receiving data. */
export const data: readonly Section[] = [
  {
    prefix: "6455-6.1",
    title: "RFC 6455, 6.1. Sending data",
    requirements: [
      shown("6455-6.1-1", "both", "Data is sent only while the connection is open."),
      shown("6455-6.1-2", "both", "No data is sent after the state of the connection has changed.", ["6455-5.5.1-4"]),
      shown("6455-6.1-3", "both", "The data is sent in one frame, or in several fragments."),
      shown("6455-6.1-4", "both", "The opcode of the first frame is text or binary."),
      shown("6455-6.1-5", "both", "The last frame has FIN set."),
      shown("6455-6.1-6", "client", "A client masks the frames."),
      shown("6455-6.1-7", "both", "Every frame that was formed is sent."),
    ],
  },
  {
    prefix: "6455-6.2",
    title: "RFC 6455, 6.2. Receiving data",
    requirements: [
      shown("6455-6.2-1", "both", "Incoming bytes are parsed as frames.", ["6455-5.2-7", "6455-5.4-11"]),
      shown("6455-6.2-2", "both", "Control frames are handled as section 5.5 defines.", [
        "6455-5.4-4",
        "6455-5.5.2-1",
        "6455-5.5.1-5",
      ]),
      shown("6455-6.2-3", "both", "The opcode of the first frame is the type of the message.", ["6455-5.4-10"]),
      shown("6455-6.2-4", "both", "After the last fragment a data frame starts a new message."),
      shown("6455-6.2-5", "server", "A server unmasks the data that a client sends.", ["6455-5.3-5"]),
    ],
  },
];

/** RFC 6455, 7: closing. */
export const closing: readonly Section[] = [
  {
    prefix: "6455-7.1.2",
    title: "RFC 6455, 7.1.2. Start the closing handshake",
    requirements: [shown("6455-7.1.2-1", "both", "A close frame is sent with the given code and reason.")],
  },
  {
    prefix: "6455-7.1.5",
    title: "RFC 6455, 7.1.5. The connection close code",
    requirements: [
      shown("6455-7.1.5-1", "both", "The close code is the code of the first close frame that was received."),
      shown("6455-7.1.5-2", "both", "If that close frame has no code, the close code is 1005."),
      shown("6455-7.1.5-3", "both", "If the connection ends without a close frame, the close code is 1006."),
    ],
  },
  {
    prefix: "6455-7.1.6",
    title: "RFC 6455, 7.1.6. The connection close reason",
    requirements: [
      shown("6455-7.1.6-1", "both", "The close reason is the UTF-8 text after the code. It may be missing."),
    ],
  },
  {
    prefix: "6455-7.1.7",
    title: "RFC 6455, 7.1.7. Fail the connection",
    requirements: [
      shown("6455-7.1.7-1", "client", "A client that fails the connection closes it."),
      shown("6455-7.1.7-2", "server", "A server that fails the connection closes it."),
      shown("6455-7.1.7-3", "both", "Data that arrives after the failure is not processed, not even a close frame."),
    ],
  },
  {
    prefix: "6455-7.2",
    title: "RFC 6455, 7.2. Abnormal closures",
    requirements: [
      shown("6455-7.2-1", "client", "7.2.1: a client fails the connection as 7.1.7 defines."),
      shown("6455-7.2-2", "client", "7.2.1: a client fails the connection if the transport is lost."),
      shown("6455-7.2-3", "server", "7.2.2: a server that aborts during the handshake closes the connection."),
    ],
  },
  {
    prefix: "6455-7.4.1",
    title: "RFC 6455, 7.4.1. Defined status codes",
    requirements: [
      shown("6455-7.4.1-1", "both", "1005 is never sent in a close frame."),
      shown("6455-7.4.1-2", "both", "1006 is never sent in a close frame."),
      shown("6455-7.4.1-3", "both", "1015 is never sent in a close frame."),
      shown("6455-7.4.1-4", "both", "A received close frame with one of these three fails the connection."),
    ],
  },
  {
    prefix: "6455-7.4.2",
    title: "RFC 6455, 7.4.2. Reserved status code ranges",
    requirements: [
      shown("6455-7.4.2-1", "both", "Codes below 1000, and undefined codes from 1000 to 2999, are not used."),
    ],
  },
];

/** Other sections that sections 4 to 7 refer to. */
export const referred: readonly Section[] = [
  {
    prefix: "6455-8.1",
    title: "RFC 6455, 8.1. Handling errors in UTF-8",
    requirements: [
      shown("6455-8.1-1", "both", "A text message or a close reason that is not UTF-8 fails the connection."),
    ],
  },
  {
    prefix: "6455-9",
    title: "RFC 6455, 9. Extensions",
    requirements: [
      shown("6455-9-1", "server", "The answer has no extension that the client did not offer.", ["6455-4.2.2-9"]),
      shown("6455-9-2", "both", "Parameters follow the extension's specification.", ["7692-5-3", "7692-7-2"]),
      shown(
        "6455-9-3",
        "server",
        "9.1: an offer that breaks the grammar counts as absent. A departure: clients send such, and are not harmed.",
        ["6455-4.2.1-11"],
      ),
      shown("6455-9-4", "both", "9.1: the name of an extension is a registered token.", ["7692-5-3"]),
      shown("6455-9-5", "both", "9.1: each parameter is defined for its extension.", ["7692-7-1"]),
      shown("6455-9-6", "client", "9.1: a client uses no extension that the server did not accept.", ["6455-5.2-1"]),
    ],
  },
  {
    prefix: "6455-10.3",
    title: "RFC 6455, 10.3. Attacks on infrastructure (masking)",
    requirements: [shown("6455-10.3-1", "client", "A client chooses a new, unpredictable masking key for each frame.")],
  },
];
