/** How deep tables and arrays may lie in each other. Deeper, whoever walks through them would run out of stack. */
export const MOST_NESTED = 100;
