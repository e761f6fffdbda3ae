import type { Row } from "./record.ts";
import { brokerRows } from "./rows/broker.ts";
import { dataRows } from "./rows/data.ts";
import { linkRows } from "./rows/links.ts";
import { loadRows } from "./rows/load.ts";
import { nodeRows } from "./rows/nodes.ts";

/** All failures that are tried, in the order of the table. */
export const rows: readonly Row[] = [...brokerRows, ...dataRows, ...linkRows, ...nodeRows, ...loadRows];
