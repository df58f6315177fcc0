# SPDX-License-Identifier: GPL-3.0-or-later
"""Answers of zones with authority are those of NSD and Knot, signed or not
(tests/show/compare_zone.py asks more of a larger zone)."""
import pytest

import holdfast as under_test
import zonewild

pytestmark = pytest.mark.own

NAMES, QUESTIONS = 600, 1200


@pytest.mark.parametrize("how", list(zonewild.SIGNED))
def test_answers_are_those_of_nsd_and_knot(how, tmp_path, holdfast, peer, need):
    if how != "none" and not zonewild.can_sign():
        need("dnssec-signzone")
    text = zonewild.text(NAMES, seed=how)
    path = tmp_path / "zone"
    path.write_text(text)
    path = zonewild.sign(str(tmp_path), str(path), how) if how != "none" else str(path)
    server = holdfast({"u": "127.0.0.1:1"}, zones=[{"name": zonewild.ZONE, "file": path}])
    others = [peer(kind, zones={zonewild.ZONE: path}) for kind in (zonewild.Nsd, zonewild.Knot)]
    zonewild.wait_served(server)
    asked = zonewild.questions(text, QUESTIONS, seed=how)
    found = list(zonewild.differences((server.address, under_test.PORT),
                                      [zonewild.address_of(o) for o in others], asked))
    assert not found, "%d differ, the first: %s" % (len(found), zonewild.told(*found[0]))
