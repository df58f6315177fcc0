#!/usr/bin/python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""embed.py OBJECT C-FILE - a compiled BPF program as an array of octets."""
import sys

with open(sys.argv[1], "rb") as source:
    octets = source.read()
with open(sys.argv[2], "w", encoding="ascii") as out:
    out.write('#include "xdp/object.h"\n\n_Alignas(8) const unsigned char hf_xdp_object[] = {\n')
    for at in range(0, len(octets), 16):
        out.write("\t" + " ".join("%d," % octet for octet in octets[at:at + 16]) + "\n")
    out.write("};\nconst size_t hf_xdp_object_len = sizeof hf_xdp_object;\n")
