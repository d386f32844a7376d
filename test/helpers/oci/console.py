"""Listen on the unix socket argv[1], receive one terminal's master side over it (SCM_RIGHTS), and copy what it prints to
standard output until it hangs up. The first line is the message that came with the descriptor. argv[2] is typed in."""
import array
import os
import socket
import sys
import termios

listener = socket.socket(socket.AF_UNIX)
listener.bind(sys.argv[1])
listener.listen(1)
print("listening", flush=True)
connection, _ = listener.accept()
message, ancillary, _, _ = connection.recvmsg(4096, socket.CMSG_SPACE(64))
fds = array.array("i")
for level, kind, data in ancillary:
    if level == socket.SOL_SOCKET and kind == socket.SCM_RIGHTS:
        fds.frombytes(data[: len(data) - len(data) % fds.itemsize])
out = sys.stdout.buffer
out.write(b"== console\nmessage %s\ndescriptors %d\n" % (message, len(fds)))
out.flush()
while len(fds) > 0:
    try:
        data = os.read(fds[0], 65536)
    except OSError:  # EIO: the last process with the terminal open has ended
        break
    if not data:
        break
    out.write(data)
    out.flush()
