import { EngineError } from '../../kernel/errors.js';

export const API_VERSION = '1.50';
export const MIN_API_VERSION = '1.24';

/** A version of the API, `1.44`, that a client speaks. */
export class ApiVersion {
  readonly text: string;
  /** The part behind `1.`: every version that is taken begins so. */
  readonly minor: number;

  private constructor(text: string) {
    this.text = text;
    this.minor = Number(text.split('.')[1] ?? 0);
  }

  /** What stands behind `/v` in a path; null: the newest. Refused in dockerd's words when we don't speak it. */
  static negotiate(text: string | null): ApiVersion {
    if (text === null) return new ApiVersion(API_VERSION);
    if (compare(text, MIN_API_VERSION) < 0) {
      throw new EngineError(
        'InvalidArgument',
        `client version ${text} is too old. Minimum supported API version is ${MIN_API_VERSION}, please upgrade your client to a newer version`,
      );
    }
    if (compare(text, API_VERSION) > 0) {
      throw new EngineError(
        'InvalidArgument',
        `client version ${text} is too new. Maximum supported API version is ${API_VERSION}`,
      );
    }
    return new ApiVersion(text);
  }

  /** Is it 1.`minor` or newer? */
  atLeast(minor: number): boolean {
    return this.minor >= minor;
  }
}

/** Dotted numbers, a missing part being 0. */
function compare(a: string, b: string): number {
  const [left, right] = [a.split('.').map(Number), b.split('.').map(Number)];
  for (let n = 0; n < Math.max(left.length, right.length); n++) {
    const difference = (left[n] ?? 0) - (right[n] ?? 0);
    if (difference !== 0) return difference;
  }
  return 0;
}
