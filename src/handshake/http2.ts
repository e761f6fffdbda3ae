import type { ServerHttp2Stream } from "node:http2";

import { EMPTY } from "../protocol/bytes.ts";
import { respondAccepted } from "./http2-response.ts";
import { closeWhenSent } from "./http2-stream.ts";
import { joinWhatWaits } from "./http2-joined-chunks.ts";
import type { HandshakeOffer } from "./offer.ts";
import { type HandshakeRules, isTooLarge, readOffered } from "./offered.ts";
import { Refusal } from "./refusal.ts";
import { HEADERS_TOO_LARGE, VERSION_NOT_SPOKEN, VERSION_NOT_SUPPORTED } from "./refusals.ts";
import type { RawRequest, RequestDetails } from "./request.ts";
import { sendRefusal } from "./response.ts";
import { NO_EXTENSIONS } from "./rules/extensions.ts";
import { HandshakeHeaders } from "./rules/headers.ts";
import { acceptKey, isKey } from "./rules/key.ts";
import {
  checkAuthority,
  checkNoBody,
  checkProtocolVersion,
  checkTarget,
  checkTargetCharacters,
} from "./rules/request-checks.ts";

/**
 * Reads an opening handshake over HTTP/2: an extended CONNECT with the protocol `websocket`. Returns an offer to be answered, or
 * the refusal to be sent (RFC 8441 5).
 */
export function readHttp2(
  message: RawRequest,
  stream: ServerHttp2Stream,
  rules: HandshakeRules,
  details?: RequestDetails,
): HandshakeOffer | Refusal {
  const headers = new HandshakeHeaders(message.rawHeaders);
  if (isTooLarge(message, headers, rules)) return HEADERS_TOO_LARGE;
  const refusal = checkRequest(message, headers);
  if (refusal !== undefined) return refusal;
  const offered = readOffered(message, headers, rules, details);
  if (offered instanceof Refusal) return offered;
  joinWhatWaits(stream);
  // HTTP/2 needs no key. Clients that send one over HTTP/2 too ask for its answer (undici).
  const key = headers.single("sec-websocket-key") ?? "";
  return {
    ...offered,
    stream,
    accept: (answer) => {
      respondAccepted(stream, isKey(key) ? acceptKey(key) : undefined, answer);
      closeWhenSent(stream);
      return {
        stream,
        handshakeResponse: "",
        head: EMPTY,
        protocol: answer.protocol,
        extensions: answer.extensions ?? NO_EXTENSIONS,
        deflate: answer.deflate,
      };
    },
    refuse: (refused, linger) => {
      sendRefusal(stream, refused, message.method, linger);
    },
  };
}

/** The rules of RFC 8441 5. Those about `Upgrade`, `Connection` and the key are of HTTP/1.1 only. */
function checkRequest({ httpVersion, method, url }: RawRequest, headers: HandshakeHeaders): Refusal | undefined {
  const request = { httpVersion, method, target: url ?? "", authority: headers.single("host"), headers };
  const refusal =
    checkTarget(request) ??
    checkTargetCharacters(request) ??
    checkAuthority(request) ??
    checkNoBody(request) ??
    checkProtocolVersion(request);
  return refusal === VERSION_NOT_SUPPORTED ? VERSION_NOT_SPOKEN : refusal;
}
