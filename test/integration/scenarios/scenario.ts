import type { Client } from "../clients/client.ts";

/** The actions of a client with its own server, and the checks of both. */
export type Scenario = (client: Client) => Promise<void>;
