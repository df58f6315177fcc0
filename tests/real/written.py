# SPDX-License-Identifier: GPL-3.0-or-later
"""written.py - the files of the cache, read and written by other hands.

What src/cache/written.h describes, once more: tests change clocks, versions and
octets with it, checksums made anew so that the change and nothing else shows.
"""
import os
import struct

MASK = (1 << 64) - 1
KEY = (0x686f6c6466617374, 0x616e7377657273)
BLOCK = struct.Struct("!4sHHIIQQqqqQ")
HEADER, FILE_HEADER, ALIGN = 80, 64, 64
ROUTES, ANSWERS, LEARNT = 1, 2, 3
FIELDS = ("magic", "version", "kind", "len", "count", "session", "boot", "monotonic", "boottime",
          "wall", "routes")


def _round(v):
    v[0] = (v[0] + v[1]) & MASK
    v[1] = (v[1] << 13 | v[1] >> 51) & MASK ^ v[0]
    v[0] = (v[0] << 32 | v[0] >> 32) & MASK
    v[2] = (v[2] + v[3]) & MASK
    v[3] = (v[3] << 16 | v[3] >> 48) & MASK ^ v[2]
    v[0] = (v[0] + v[3]) & MASK
    v[3] = (v[3] << 21 | v[3] >> 43) & MASK ^ v[0]
    v[2] = (v[2] + v[1]) & MASK
    v[1] = (v[1] << 17 | v[1] >> 47) & MASK ^ v[2]
    v[2] = (v[2] << 32 | v[2] >> 32) & MASK


def siphash(seed, octets):
    """SipHash-1-3 of a seed word and octets, as in src/base/hash.c."""
    v = [KEY[0] ^ 0x736f6d6570736575, KEY[1] ^ 0x646f72616e646f6d,
         KEY[0] ^ 0x6c7967656e657261, KEY[1] ^ 0x7465646279746573]
    whole = len(octets) // 8
    words = [seed, *struct.unpack("<%dQ" % whole, octets[:whole * 8])]
    words.append(int.from_bytes(octets[whole * 8:], "little") | (len(octets) << 56) & MASK)
    for word in words:
        v[3] ^= word
        _round(v)
        v[0] ^= word
    v[2] ^= 0xff
    for _ in range(3):
        _round(v)
    return v[0] ^ v[1] ^ v[2] ^ v[3]


class Block:
    def __init__(self, head, content):
        self.__dict__.update(zip(FIELDS, BLOCK.unpack(head)))
        self.content = content

    def octets(self, place):
        self.len = len(self.content)
        head = BLOCK.pack(*(getattr(self, name) for name in FIELDS))
        head += struct.pack("!Q", siphash(place, self.content))
        head += struct.pack("!Q", siphash(place, head))
        out = head + self.content
        return out + bytes(-len(out) % ALIGN)


def read(path):
    """The file header's octets and its blocks; nothing may be wrong with them."""
    data = open(path, "rb").read()
    assert data[:16] == b"holdfast answers"
    at, blocks = FILE_HEADER, []
    while at < len(data):
        length = struct.unpack_from("!I", data, at + 8)[0]
        end = at + HEADER + length
        assert siphash(at, data[at:at + 72]) == struct.unpack_from("!Q", data, at + 72)[0]
        blocks.append(Block(data[at:at + BLOCK.size], data[at + HEADER:end]))
        at = (end + ALIGN - 1) // ALIGN * ALIGN
    return data[:FILE_HEADER], blocks


class Learnt:
    """A record of what was learnt of an upstream (src/keep/memory.h), so far as tests look at it."""

    def __init__(self, kind, octets):
        self.of_path, name_end = kind == 2, 1 + octets[0]
        self.name = octets[1:name_end].decode()
        at = name_end + 23
        self.zone = b""
        if self.of_path:
            self.zone = octets[at + 1:at + 1 + octets[at]]
            at += 1 + octets[at]
        self.open = octets[at + 4] == 1


def records(block):
    """Of a block of LEARNT: where each begins, its kind and its octets."""
    at = 0
    while at < len(block.content):
        kind, length = struct.unpack_from("!BH", block.content, at)
        yield at, kind, block.content[at + 3:at + 3 + length]
        at += 3 + length


def learnt(directory):
    """What the files say of upstreams, later words last. Reads while they are written."""
    out = []
    for path in files(directory):
        try:
            blocks = read(path)[1]
        except (AssertionError, struct.error, OSError):
            continue
        out += [Learnt(kind, octets) for b in blocks if b.kind == LEARNT
                for _, kind, octets in records(b)]
    return out


def write(path, header, blocks):
    out = header[:FILE_HEADER - 8] + struct.pack("!Q", siphash(0, header[:FILE_HEADER - 8]))
    for block in blocks:
        out += block.octets(len(out))
    with open(path, "wb") as file:
        file.write(out)


def files(directory):
    """Paths of journals and snapshots, in the order in which they are read."""
    names = [n for n in os.listdir(directory) if n.endswith((".journal", ".snapshot"))]
    return [os.path.join(directory, n)
            for n in sorted(names, key=lambda n: (n[:8], n.endswith(".journal")))]
