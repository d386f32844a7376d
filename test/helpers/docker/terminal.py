"""Sit at a terminal of 24 rows and 80 columns and use a program: terminal.py STEP... -- PROGRAM [ARGUMENT...]

see:TEXT waits until TEXT is printed (20 s at most), type:TEXT types it (escapes as in Python), size:ROWSxCOLUMNS resizes.
What was printed goes to standard output, control characters as ^X; the exit status is the program's (128 + n for signal n).
"""
import fcntl
import os
import pty
import re
import select
import struct
import sys
import termios
import time


def set_size(fd, rows, columns):
    fcntl.ioctl(fd, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))


def show(printed):
    text = printed.decode("utf-8", "replace").replace("\r\n", "\n")
    text = re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", text)
    sys.stdout.write(re.sub(r"[\x00-\x09\x0b-\x1f\x7f]", lambda m: "^" + chr(ord(m[0]) ^ 64), text))
    sys.stdout.write("" if text.endswith("\n") or text == "" else "\n")


def main():
    at = sys.argv.index("--")
    steps, argv = sys.argv[1:at], sys.argv[at + 1:]
    child, master = pty.fork()
    if child == 0:
        time.sleep(0.02)
        os.execvp(argv[0], argv)
    set_size(master, 24, 80)
    printed, seen, hung_up = b"", 0, False

    def read(until):
        nonlocal printed, hung_up
        ready, _, _ = select.select([master], [], [], max(0, until - time.monotonic()))
        if not ready:
            return False
        try:
            data = os.read(master, 65536)
        except OSError:  # EIO: the last process with the terminal open has ended
            data = b""
        printed += data
        hung_up = data == b""
        return True

    for step in steps:
        verb, _, text = step.partition(":")
        if verb == "see":
            until = time.monotonic() + 20
            while text.encode() not in printed[seen:]:
                if hung_up or not read(until):
                    show(printed)
                    sys.exit(f"did not see {text!r}")
            seen = printed.index(text.encode(), seen) + len(text.encode())
        elif verb == "type":
            os.write(master, text.encode().decode("unicode_escape").encode("latin-1"))
        elif verb == "size":
            set_size(master, *map(int, text.split("x")))
        else:
            sys.exit(f"no step {step!r}")
    until = time.monotonic() + 20
    while not hung_up:
        if not read(until):
            show(printed)
            sys.exit("the program did not end")
    show(printed)
    sys.stdout.flush()
    _, status = os.waitpid(child, 0)
    sys.exit(os.WEXITSTATUS(status) if os.WIFEXITED(status) else 128 + os.WTERMSIG(status))


main()
