/** Flags that an engine must be new enough for: the API version that brought them, by command and flag. */
const SINCE: Readonly<Record<string, string>> = {
  'container create annotation': '1.43',
  'container create health-start-interval': '1.44',
  'container run annotation': '1.43',
  'container run health-start-interval': '1.44',
  'image history platform': '1.48',
  'image inspect platform': '1.49',
  'image load platform': '1.48',
  'image push platform': '1.46',
  'image save platform': '1.48',
  'volume prune all': '1.42',
};

export const sinceVersion = (command: string, flag: string): string | undefined => SINCE[`${command} ${flag}`];
