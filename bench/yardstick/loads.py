# SPDX-License-Identifier: GPL-3.0-or-later
"""loads.py - the loads that servers are put under: the scenes of the benchmark
of speed."""


class Load:
    """A scene. `names` are warm before it begins; `fresh` percent of the questions
    are for names that nobody asked for before; `reference` is the program that
    the servers are compared with."""

    def __init__(self, name, what, transport="udp", names=10000, fresh=0, reference="bare echo", lanes=8,
                 room=None):
        self.name, self.what, self.transport, self.names = name, what, transport, names
        self.fresh, self.reference, self.lanes, self._room = fresh, reference, lanes, room

    @property
    def room(self):
        """So many names a cache is to have room for."""
        return self._room or self.names

    @property
    def keeps(self):
        """Whether every question (but the fresh ones) is meant to be a hit."""
        return self.fresh < 100

    def who(self, entrant):
        """Whether an entrant has a part in it."""
        return not entrant.is_reference or entrant.name == self.reference

    def words(self, entrant):
        """What load.c is told in every run."""
        words = ["names=%d" % self.names, "lanes=%d" % self.lanes, "fresh=%d" % self.fresh]
        return words + (["want=echo"] if entrant.name == "bare echo" else [])


MILLION = 1000000

LOADS = [
    Load("hits-udp", "All questions over UDP are for 10,000 names that are in the cache, in random order."),
    Load("hits-udp-1m", "The same with {names:,} names, so that few of them are in the processor's caches.",
         names=MILLION),
    Load("misses-udp", "Every question is for a name that was never asked for; the upstream answers at once.",
         names=1, fresh=100, reference="bare relay"),
    Load("mixed-90-10", "Nine questions of ten are for 10,000 names in the cache, one is for a new name.",
         fresh=10, room=200000),
    Load("hits-tcp", "All questions are for 10,000 names in the cache and come over 16 TCP connections that "
         "stay open, pipelined (RFC 7766).", transport="tcp", lanes=16),
    Load("misses-tcp", "Every question is for a name that was never asked for and comes over one of 16 TCP "
         "connections; the upstream answers at once, over what transport it is asked.", transport="tcp",
         names=1, fresh=100, reference="bare relay", lanes=16),
    Load("mixed-tcp-90-10", "Nine questions of ten are for 10,000 names in the cache, one is for a new name; "
         "all come over 16 TCP connections.", transport="tcp", fresh=10, room=200000, lanes=16),
]


class Memory:
    """The scene that fills a cache and looks at the memory."""

    name, names, reference = "memory", MILLION, None
    what = ("{names:,} names are asked for, twice each and up to four times while some are not kept. What "
            "the process takes in memory afterwards, less what it takes at its start with a cache for 10,000 "
            "names, is divided by the names; then 20,000 of them are asked for again, to see how many were "
            "kept. *At once*: those that were kept after they had been asked for once.")

    @property
    def room(self):
        return self.names

    @staticmethod
    def who(entrant):
        return not entrant.is_reference


MEMORY = Memory()
SCENES = LOADS + [MEMORY]


def set_million(names):
    """Another number of names for the scenes that have a million of them."""
    for scene in SCENES:
        if scene.names == MILLION:
            scene.names = names
