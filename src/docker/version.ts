/** The docker command whose behaviour this one follows. */
export const VERSION = '28.2.2';
