/**
 * The entry point `hawser/crossws`: the adapter of crossws for Node, on Hawser. For h3, Nitro and what else runs on crossws.
 *
 * @module hawser/crossws
 */

export { type CrosswsAdapter, type CrosswsOptions, crosswsAdapter } from "./adapters/crossws/crossws-adapter.ts";
export { type CrosswsServer, type CrosswsServerOptions, crosswsServer } from "./adapters/crossws/crossws-server.ts";
