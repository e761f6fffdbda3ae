import { IncomingMessage } from "node:http";
import { Socket } from "node:net";
import type { ReceivedRequest, RelayedRequest } from "../../src/handshake/request.ts";

/** A request as the rules and the handlers see it. `own` is what the test is about. */
export function connectionRequest(
  own: Partial<RelayedRequest & ReceivedRequest> = {},
): ReceivedRequest & RelayedRequest {
  return {
    headers: {},
    cookies: {},
    query: {},
    httpVersion: "1.1",
    url: "/",
    path: "/",
    params: {},
    raw: new IncomingMessage(new Socket()),
    remoteAddress: "127.0.0.1",
    isGone: false,
    ...own,
  };
}
