/** Checks that no test can miss, because another one answers the same: the beginning of its name, and why. Each is printed with its reason. */
export const redundantChecks: readonly { name: string; because: string }[] = [];
