/** Switch the terminal to raw mode; the answer switches it back, and so does every end of this process. */
export function enterRawMode(stdin: NodeJS.ReadStream): () => void {
  if (!stdin.isTTY) return () => undefined;
  stdin.setRawMode(true);
  let isRaw = true;
  const leave = (): void => {
    if (!isRaw) return;
    isRaw = false;
    stdin.setRawMode(false);
    process.removeListener('exit', leave);
  };
  process.on('exit', leave);
  return leave;
}
