import type { Scenarios } from "../scenario.ts";
import { dialing } from "./dialing.ts";
import { iteration } from "./iteration.ts";
import { messages } from "./messages.ts";
import { ordering } from "./ordering.ts";
import { reconnecting } from "./reconnecting.ts";
import { topics } from "./topics.ts";

/** All scenarios of the contract. */
export const scenarios: Scenarios = {
  ...ordering,
  ...dialing,
  ...messages,
  ...reconnecting,
  ...iteration,
  ...topics,
};
