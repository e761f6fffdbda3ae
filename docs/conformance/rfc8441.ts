import { shown, type Section } from "./requirement.ts";

/** RFC 8441: WebSockets over HTTP/2. */
export const http2: readonly Section[] = [
  {
    prefix: "8441-3",
    title: "RFC 8441, 3. SETTINGS_ENABLE_CONNECT_PROTOCOL",
    requirements: [
      shown("8441-3-1", "server", "The setting 1 announces that extended CONNECT may be used."),
      shown("8441-3-2", "server", "A session that got 1 never gets 0: only sessions that begin later do."),
    ],
  },
  {
    prefix: "8441-4",
    title: "RFC 8441, 4. The extended CONNECT method",
    requirements: [
      shown(
        "8441-4-1",
        "server",
        "A CONNECT with `:protocol` asks for that protocol; `:scheme` and `:path` belong to it.",
      ),
      shown("8441-4-2", "server", "`:authority` is the host that is asked for, as in other requests."),
      shown("8441-4-3", "server", "A CONNECT without `:protocol`, or for an unknown one, opens no WebSocket."),
    ],
  },
  {
    prefix: "8441-5",
    title: "RFC 8441, 5. Bootstrapping WebSockets with HTTP/2",
    requirements: [
      shown(
        "8441-5-1",
        "server",
        "`:protocol` is `websocket`; the subprotocol, the extensions and the origin are read as over HTTP/1.1.",
      ),
      shown(
        "8441-5-2",
        "server",
        "A status of 2xx opens the WebSocket; then the stream carries the frames of RFC 6455.",
      ),
      shown("8441-5-3", "server", "`sec-websocket-version` and the rules of the handshake hold."),
      shown(
        "8441-5-4",
        "server",
        "`Upgrade`, `Connection`, `Sec-WebSocket-Key` and `Sec-WebSocket-Accept` are not needed.",
      ),
      shown("8441-5-5", "both", "An orderly close of TCP is END_STREAM."),
      shown("8441-5-6", "both", "A reset of TCP is RST_STREAM with CANCEL."),
    ],
  },
];
