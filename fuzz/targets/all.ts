import type { Target } from "../engine/target.ts";
import { clientFields } from "./client-fields.ts";
import { clientHandshake } from "./client-handshake.ts";
import { close } from "./close.ts";
import { fields } from "./fields.ts";
import { handshake } from "./handshake.ts";
import { http2Frames } from "./http2-frames.ts";
import { http2Handshake } from "./http2-handshake.ts";
import { inflate } from "./inflate.ts";
import { packet } from "./packet.ts";
import { parser } from "./parser.ts";
import { topicLine } from "./topic-line.ts";
import { topicRequest } from "./topic-request.ts";

/** All targets, in the order in which the library's parts process received bytes. */
export const targets: readonly Target[] = [
  fields,
  handshake,
  parser,
  inflate,
  topicRequest,
  packet,
  close,
  clientFields,
  clientHandshake,
  topicLine,
  http2Handshake,
  http2Frames,
];
