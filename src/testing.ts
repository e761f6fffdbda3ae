/**
 * The entry point `hawser/testing`: a client in memory, for tests of your handlers.
 *
 * @module hawser/testing
 */

export { type ConnectOptions, type TestedServer, connect } from "./testing/connect.ts";
export { RefusedError } from "./testing/refused-error.ts";
export { TestClient } from "./testing/test-client.ts";
