import type { Client } from "../clients/client.ts";

/** What a client does with a server of its own, and what both must have seen then. */
export type Scenario = (client: Client) => Promise<void>;
