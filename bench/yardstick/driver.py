# SPDX-License-Identifier: GPL-3.0-or-later
"""driver.py - the load that lives at a network driver (bounce.h), and its part of
the page of speed, which `./dev bench xdp` writes and `./dev bench speed` leaves as
it is."""
import json
import os
import subprocess

import sections
import sums

WINDOW = 128
ETHTOOL_SGRO = 0x2C     # with GRO an end polls, with or without a program

HEADING = "## At the driver"
TEXT = """
<!-- Written by `./dev bench xdp --write`. -->

With `listen.xdp` hits are answered before the kernel makes a datagram of a packet
([architecture](architecture.md#answers-at-the-driver)). `./dev bench xdp` puts each server at one end of a
virtual cable (veth), alone, with one core, and at the other end, in another network namespace, a load
that lives at the driver itself: %(window)d questions are under way, and each reply is checked (id, question,
rcode, address, UDP checksum) and turned into the next question in the same packet. So it costs less than
any server, and packets arrive as a network card brings them: with a checksum, in a page of their own,
many at a wake-up.

- *CPU us*: the kernel's thread that polls the server's end of the cable ("threaded" polling, pinned to the
  server's core) and the server's process, told by the scheduler in nanoseconds, over right answers. Nothing
  that the kernel does for a packet at that end is left out, nor the waking of the other end; what the
  other end does is not in it. *Rate per core* is one over that. *Core %%*: how much of the core that was;
  far below 100, the load or others on the machine were the limit, and each wake-up served fewer packets.
- *x best peer*: the CPU of the best of the other servers over that of this row, within each round.
- *At %(rate)s/s*: the same CPU when a client's sockets ask so many a second, and most packets wake somebody.
  There the cable itself copies each packet for the program, which no card does.
- *At the driver*: the share of the hits that were answered there. One in 256 goes to the sockets so that
  hits go on being counted.
- *failed*, *wrong*, *lost*: an rcode or no address; another question or address, or a false checksum; no
  reply within a second. Figures are medians of the rounds, in brackets the least and the greatest.
- They are *too noisy to tell* when in any run others on the machine used more than %(others).0f %% of a core, or
  the host took more than %(stolen).0f %%.

What it cannot tell: what a card and its own driver cost (descriptors, interrupts, memory), which comes on
top for everybody and makes ratios smaller, and how well a card spreads packets over cores. No card has
checked the sums of packets either: the kernel does that for the servers on sockets, the program for itself.

"""


class Bounce:
    """The load, at an interface of a space, while it is there."""

    def __init__(self, programs, space, interface, address, server, names, window=WINDOW):
        """`server`: (space, interface, address, port) of who is asked."""
        macs = [":".join("%02x" % octet for octet in where.mac(name))
                for where, name in ((space, interface), server[:2])]
        with space.inside():
            self.process = subprocess.Popen(
                ["setpriv", "--pdeathsig", "KILL", os.path.join(programs, "yard_bounce"),
                 os.path.join(programs, "bounce.bpf.o"), interface, *macs, address, server[2],
                 str(server[3]), str(names), str(window)],
                text=True, stdin=subprocess.PIPE, stdout=subprocess.PIPE)

    def look(self):
        """What came of it so far, and when that was."""
        self.process.stdin.write("\n")
        self.process.stdin.flush()
        return json.loads(self.process.stdout.readline())

    def end(self):
        self.process.stdin.close()
        self.process.stdout.close()
        self.process.wait(10)


def put(path, tables, rate):
    """Writes that part of the page."""
    sections.put(path, HEADING, TEXT % {
        "window": WINDOW, "rate": format(rate, ","), "others": 100 * sums.OTHERS,
        "stolen": 100 * sums.STOLEN} + tables)
