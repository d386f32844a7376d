/** Columns of a text in a terminal: East Asian wide characters take two. */
import { eastAsianWidth } from 'get-east-asian-width';

export function getStringWidth(text: string): number {
  let width = 0;
  for (const char of text) if (!/[\p{Mn}\p{Me}\p{Cf}]/u.test(char)) width += eastAsianWidth(char.codePointAt(0)!);
  return width;
}
