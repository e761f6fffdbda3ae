import { notApplicable, shown, type Section } from "./requirement.ts";

/** RFC 6455 4.1(2) is for browsers, which protect a host from their pages. The rule would make programs slow that connect many clients. */
const DEPARTURE =
  "a departure: several clients of a program may connect to one host at the same time, as with other clients outside browsers; one client has one dial at a time. In a browser the platform's socket obeys the rule";

/** RFC 6455, 4.1: how a client connects. */
export const clientHandshake: readonly Section[] = [
  {
    prefix: "6455-4.1",
    title: "RFC 6455, 4.1. Opening handshake, client requirements",
    requirements: [
      shown("6455-4.1-1", "client", "A client opens a connection, sends a handshake and reads the server's answer."),
      shown(
        "6455-4.1-2",
        "client",
        "The host, port, resource name and secure flag are valid parts of a WebSocket URI.",
      ),
      shown("6455-4.1-3", "client", "If one of them is not valid, the client fails the connection and stops."),
      notApplicable(
        "6455-4.1-4",
        "client",
        "A client waits while another connection to the same address and port is in the CONNECTING state.",
        DEPARTURE,
      ),
      notApplicable(
        "6455-4.1-5",
        "client",
        "A client has at most one connection to an address in the CONNECTING state.",
        DEPARTURE,
      ),
      notApplicable(
        "6455-4.1-6",
        "client",
        "Simultaneous attempts to connect to one address run one after the other.",
        DEPARTURE,
      ),
      notApplicable(
        "6455-4.1-7",
        "client",
        "If a proxy resolves the names, each host name counts as a separate host.",
        "the connections to one host are not counted, as with 6455-4.1-4",
      ),
      notApplicable(
        "6455-4.1-8",
        "client",
        "A proxy autoconfiguration script gets the URI that section 3 defines.",
        "there are no autoconfiguration scripts outside browsers",
      ),
      shown("6455-4.1-9", "client", "If the connection cannot be opened, the client fails it and stops."),
      shown(
        "6455-4.1-10",
        "client",
        "If the secure flag is set, the client does the TLS handshake before it sends other data.",
      ),
      shown("6455-4.1-11", "client", "If the TLS handshake fails, the client fails the connection."),
      shown("6455-4.1-12", "client", "After the TLS handshake all data is encrypted."),
      shown("6455-4.1-13", "client", "The TLS handshake has the Server Name Indication extension."),
      shown("6455-4.1-14", "client", "A client sends an opening handshake after the connection is established."),
      shown("6455-4.1-15", "client", "The handshake is a valid HTTP request."),
      shown("6455-4.1-16", "client", "The method is GET."),
      shown("6455-4.1-17", "client", "The HTTP version is at least 1.1."),
      shown("6455-4.1-18", "client", "The request target is the resource name, or an absolute URI that contains it."),
      shown("6455-4.1-19", "client", "`Host` contains the host, and the port if it is not the default one."),
      shown("6455-4.1-20", "client", "There is an `Upgrade` field."),
      shown("6455-4.1-21", "client", "`Upgrade` contains `websocket`."),
      shown("6455-4.1-22", "client", "There is a `Connection` field."),
      shown("6455-4.1-23", "client", "`Connection` contains the token `Upgrade`."),
      shown("6455-4.1-24", "client", "There is a `Sec-WebSocket-Key` field."),
      shown("6455-4.1-25", "client", "The key is 16 random bytes in base64."),
      shown("6455-4.1-26", "client", "A new random key is selected for each connection."),
      notApplicable(
        "6455-4.1-27",
        "client",
        "A browser's handshake has an `Origin` field.",
        "in a browser the platform's socket sends it; what browsers send is shown by the integration tests with Chromium",
      ),
      shown("6455-4.1-28", "client", "There is a `Sec-WebSocket-Version` field."),
      shown("6455-4.1-29", "client", "The version is 13."),
      shown("6455-4.1-30", "client", "Offered subprotocols are non-empty tokens."),
      shown("6455-4.1-31", "client", "Offered subprotocols are all different."),
      shown("6455-4.1-32", "client", "A client sends no other data until the server has answered."),
      shown("6455-4.1-33", "client", "A client checks the server's answer with the rules below."),
      shown("6455-4.1-34", "client", "If the answer has no `Upgrade: websocket`, the client fails the connection."),
      shown("6455-4.1-35", "client", "If the answer has no `Connection: Upgrade`, the client fails the connection."),
      shown("6455-4.1-36", "client", "If `Sec-WebSocket-Accept` is missing or wrong, the client fails the connection."),
      shown(
        "6455-4.1-37",
        "client",
        "If the answer has an extension that was not offered, the client fails the connection.",
      ),
      shown(
        "6455-4.1-38",
        "client",
        "If the answer has a subprotocol that was not offered, the client fails the connection.",
      ),
      shown(
        "6455-4.1-39",
        "client",
        "If the answer does not comply with 4.1 or 4.2.2, the client fails the connection.",
      ),
    ],
  },
];
