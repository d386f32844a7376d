"""Run a program on a pseudo-terminal: standard input and output are the terminal, lines "COLS ROWS" on descriptor 3 resize it.

Usage: pty-relay.py COLS ROWS PROGRAM [ARGUMENT...]. Exits with the program's status (128 + n for signal n). When standard
input ends, the terminal hangs up.
"""
import fcntl
import os
import pty
import select
import signal
import struct
import sys
import termios


def set_size(fd, cols, rows):
    fcntl.ioctl(fd, termios.TIOCSWINSZ, struct.pack("HHHH", rows, cols, 0, 0))


def main():
    cols, rows, argv = int(sys.argv[1]), int(sys.argv[2]), sys.argv[3:]
    master, slave = pty.openpty()
    set_size(master, cols, rows)
    child = os.fork()
    if child == 0:
        os.setsid()
        fcntl.ioctl(slave, termios.TIOCSCTTY, 0)
        for fd in (0, 1, 2):
            os.dup2(slave, fd)
        os.closerange(3, 256)
        try:
            os.execvp(argv[0], argv)
        finally:
            os._exit(127)
    os.close(slave)
    # The child's pid, for tests that send it signals: first line of descriptor 3's answer is not possible, so descriptor 4.
    try:
        os.write(4, b"%d\n" % child)
    except OSError:
        pass
    os.set_blocking(master, False)
    to_master, to_stdout, control = b"", b"", b""
    inputs = {0, 3}
    hung_up = False
    while True:
        # What the reader does not take stays in the terminal: that is its flow control.
        want_read = [fd for fd in inputs if fd != 0 or len(to_master) < 65536]
        if not to_stdout and not hung_up:
            want_read.append(master)
        want_write = ([master] if to_master and not hung_up else []) + ([1] if to_stdout else [])
        if hung_up and not to_stdout:
            break
        readable, writable, _ = select.select(want_read, want_write, [])
        if master in readable:
            try:
                to_stdout = os.read(master, 65536)
                if not to_stdout:
                    hung_up = True
            except OSError:
                hung_up = True
        if 1 in writable:
            try:
                to_stdout = to_stdout[os.write(1, to_stdout[:4096]):]
            except BrokenPipeError:
                hung_up, to_stdout = True, b""
        if master in writable:
            try:
                to_master = to_master[os.write(master, to_master[:4096]):]
            except OSError:
                hung_up = True
        if 0 in readable:
            data = os.read(0, 65536)
            if not data:
                inputs.discard(0)
                break
            to_master += data
        if 3 in readable:
            data = os.read(3, 4096)
            if not data:
                inputs.discard(3)
            control += data
            *lines, control = control.split(b"\n")
            for line in lines:
                cols, rows = map(int, line.split())
                set_size(master, cols, rows)
    os.close(master)
    _, status = os.waitpid(child, 0)
    sys.exit(os.WEXITSTATUS(status) if os.WIFEXITED(status) else 128 + os.WTERMSIG(status))


signal.signal(signal.SIGPIPE, signal.SIG_IGN)
main()
