import { ByteBudget } from "../../util/byte-budget.ts";

/** The bytes that wait for all busy handlers of this process. Connections whose handler is busy at the end of a turn are entered. */
export const receiveBudget = new ByteBudget();
