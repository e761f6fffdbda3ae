import {
  type DataType,
  type Decoder,
  decoders as others,
  objectDecoder,
} from "../../src/connection/receiving/decode.ts";
import { DEFAULT_MAX_JSON_DEPTH, DEFAULT_MAX_JSON_VALUES } from "../../src/connection/receiving/json.ts";

/** A decoder of each `DataType`, with the default limits for JSON. */
export const decoders: Readonly<Record<DataType, Decoder>> = {
  ...others,
  object: objectDecoder({ maxJsonDepth: DEFAULT_MAX_JSON_DEPTH, maxJsonValues: DEFAULT_MAX_JSON_VALUES }),
};
