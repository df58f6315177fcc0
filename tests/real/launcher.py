# SPDX-License-Identifier: GPL-3.0-or-later
"""launcher.py - what systemd does for a socket unit, in as few lines.

launcher.py ADDRESS PORT MODE COMMAND... binds a UDP and a TCP socket to the
address, passes them as descriptors 3 and 4 (sd_listen_fds(3)), and becomes the
command. MODE `wait` sleeps between binding and becoming, so that questions may
be sent to a server that does not run yet; `foreign` says that the sockets are
for another process, which the command must believe.
"""
import os
import socket
import sys
import time

address, port, mode, command = sys.argv[1], int(sys.argv[2]), sys.argv[3], sys.argv[4:]
udp = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
udp.bind((address, port))
tcp = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
tcp.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
tcp.bind((address, port))
tcp.listen(64)
print("bound", flush=True)
if mode == "wait":
    time.sleep(0.5)
# Copies above 4 first: either could be the other's target.
high = [os.dup(s.fileno()) for s in (udp, tcp)]
high = [os.dup2(fd, 10 + i) for i, fd in enumerate(high)]
udp.close()
tcp.close()
if mode == "foreign":
    os.environ.update(LISTEN_PID="1", LISTEN_FDS="2")
    for fd in high:
        os.close(fd)
else:
    for i, fd in enumerate(high):
        os.dup2(fd, 3 + i, inheritable=True)
        os.close(fd)
    os.environ.update(LISTEN_PID=str(os.getpid()), LISTEN_FDS="2", LISTEN_FDNAMES="dns:dns")
os.execv(command[0], command)
