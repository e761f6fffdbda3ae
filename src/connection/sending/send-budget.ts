import { ByteBudget } from "../../util/byte-budget.ts";

/** The bytes that wait for all slow peers of this process. Connections whose stream is full are entered. */
export const sendBudget = new ByteBudget();
