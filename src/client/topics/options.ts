import type { DataType } from "../../connection/receiving/decode.ts";
import { InvalidArgumentError, OutOfRangeError } from "../../errors/errors.ts";
import { TOPIC_PROTOCOL } from "../../topics/topic-request.ts";
import { describe } from "../../util/describe.ts";
import type { JsonLimits } from "../../util/json-checks.ts";
import { readProtocols } from "../dialing.ts";
import type { Dial, Provided } from "../handler.ts";
import type { ClientOptions } from "../options.ts";
import { sharedOptions } from "../settings.ts";
import type { ClientSubscribeOptions, TopicClientOptions } from "./handler.ts";
import { POSITION } from "./topic-line.ts";

/** What the client below gets: it hands over messages as they are, because a header line is no JSON. */
type OwnOptions = Omit<ClientOptions<"auto">, "invalidJson">;

/** How messages become the handler's data. */
export interface TopicDataSettings extends JsonLimits {
  /** The type of `event.data`. */
  readonly dataType: DataType;
  /** A message that is no JSON is dropped. */
  readonly ignoresInvalidJson: boolean;
}

/** The checked options of a client with topics. */
interface TopicSettings {
  /** How messages are decoded. */
  readonly data: TopicDataSettings;
  /** The positions from which subscriptions go on. */
  readonly positions: ReadonlyMap<string, string>;
  /** Those of the client below. */
  readonly own: OwnOptions;
}

/** Stands for a position that cannot be one: the server recovers nothing. */
const NO_POSITION = "?";

/** The most messages that a history keeps. */
const MAX_LAST = 10_000;

/**
 * Reads the options of a client with topics.
 *
 * @throws {InvalidArgumentError} for one of another type
 */
export function readTopicOptions(
  options: TopicClientOptions,
  { dataType: ofHandler }: { readonly dataType?: DataType | undefined },
): TopicSettings {
  if (typeof options !== "object" || (options as unknown) === null)
    throw new InvalidArgumentError("options: expected an object");
  const { positions, invalidJson, dataType, protocols, ...own } = options;
  if (dataType !== undefined && ofHandler !== undefined && dataType !== ofHandler)
    throw new InvalidArgumentError(`dataType: "${dataType}" in the options, "${ofHandler}" on the handler`);
  const type = dataType ?? ofHandler ?? "text";
  if (!["text", "blob", "object", "auto"].includes(type))
    throw new InvalidArgumentError(`dataType: expected "text", "blob", "object" or "auto", got ${describe(type)}`);
  const { maxJsonDepth = sharedOptions.maxJsonDepth.default, maxJsonValues = sharedOptions.maxJsonValues.default } =
    options;
  return {
    data: { dataType: type, maxJsonDepth, maxJsonValues, ignoresInvalidJson: invalidJson === "ignore" },
    positions: readPositions(positions),
    own: { ...own, dataType: "auto", protocols: withTopicProtocol(protocols) },
  };
}

/** How `subscribe` begins: what the server is asked for. */
export function readClientSubscribe(options: ClientSubscribeOptions): ClientSubscribeOptions {
  if (typeof options !== "object" || (options as unknown) === null)
    throw new InvalidArgumentError("subscribe: options: expected an object");
  const { since, last } = options as { since?: unknown; last?: unknown };
  if (since !== undefined && since !== null && typeof since !== "string")
    throw new InvalidArgumentError(`subscribe: since: expected a position, got ${describe(since)}`);
  if (last !== undefined && typeof last !== "number")
    throw new InvalidArgumentError(`subscribe: last: expected a number, got ${describe(last)}`);
  if (last !== undefined && !(Number.isInteger(last) && last >= 0 && last <= MAX_LAST))
    throw new OutOfRangeError(`subscribe: last: expected an integer from 0 to 10,000, got ${String(last)}`);
  return {
    since: since === undefined || since === null ? undefined : asPosition(since),
    last: last === 0 ? undefined : last,
  };
}

/** It may be whatever an application has kept. */
function asPosition(text: string): string {
  return POSITION.test(text) ? text : NO_POSITION;
}

function readPositions(positions: unknown): ReadonlyMap<string, string> {
  if (positions === undefined || positions === null) return new Map();
  if (typeof positions !== "object" || Array.isArray(positions))
    throw new InvalidArgumentError(`positions: expected an object like client.positions, got ${describe(positions)}`);
  return new Map(Object.entries(positions).map(([topic, position]) => [topic, asPosition(String(position))]));
}

/** The subprotocols of the application, and that of topics. */
function withTopicProtocol(protocols: ClientOptions["protocols"]): Provided<readonly string[]> {
  const add = (value: unknown): readonly string[] => [...new Set([...readProtocols(value), TOPIC_PROTOCOL])];
  if (typeof protocols !== "function") return add(protocols);
  return async (dial: Dial) => add(await protocols(dial));
}
