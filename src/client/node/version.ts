/** The version of the package, for `User-Agent`. */
export const VERSION = "0.1.0";
