/** Where there is nothing to do. */
export const nothing = (): void => undefined;
