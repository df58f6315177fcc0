# SPDX-License-Identifier: GPL-3.0-or-later
"""authority.py - a certificate authority of the tests' own.

It makes keys and certificates with openssl(1): for any name, any days, signed by
itself or by nobody. Nothing of it leaves the test's directory, and no system trusts
it: who is to believe it is told so with `tls-ca`.
"""
import base64
import hashlib
import os
import ssl
import subprocess
import time


def _openssl(*argv, feed=None):
    done = subprocess.run(["openssl"] + list(argv), input=feed, stdout=subprocess.PIPE,
                          stderr=subprocess.PIPE)
    assert done.returncode == 0, done.stderr.decode()
    return done.stdout


def _new_key(path):
    _openssl("genpkey", "-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256", "-out", path)


def day(offset):
    """A day as openssl wants it, so many days from now."""
    return time.strftime("%Y%m%d000000Z", time.gmtime(time.time() + offset * 86400))


class Certificate:
    def __init__(self, pem, key):
        self.pem, self.key = pem, key

    def pin(self):
        """RFC 7858 section 4.2: SHA-256 of the public key."""
        public = _openssl("pkey", "-in", self.key, "-pubout", "-outform", "DER")
        return "sha256/" + base64.b64encode(hashlib.sha256(public).digest()).decode()

    def context(self, version=None):
        """For a server in Python."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(self.pem, self.key)
        context.set_alpn_protocols(["dot"])
        if version:
            context.minimum_version = context.maximum_version = version
        return context


class Authority:
    def __init__(self, directory, name="Test CA"):
        self.directory = str(directory)
        os.makedirs(self.directory, exist_ok=True)
        self.made = 0
        self.pem, self.key = self._path("ca.pem"), self._path("ca.key")
        _new_key(self.key)
        _openssl("req", "-x509", "-new", "-key", self.key, "-out", self.pem, "-days", "30",
                 "-subj", "/CN=" + name)

    def _path(self, name):
        return os.path.join(self.directory, name)

    def certify(self, *names, since=-10, until=10):
        """A certificate for some names, good between two days from now."""
        self.made += 1
        key, request, pem, extra, index, conf = (
            self._path("%d.%s" % (self.made, kind))
            for kind in ("key", "csr", "pem", "ext", "index", "conf"))
        _new_key(key)
        _openssl("req", "-new", "-key", key, "-subj", "/CN=server", "-out", request)
        with open(extra, "w") as out:
            out.write("basicConstraints=CA:FALSE\nextendedKeyUsage=serverAuth\n"
                      "subjectAltName=" + ",".join("DNS:" + name for name in names) + "\n")
        open(index, "w").close()
        with open(conf, "w") as out:
            out.write("[ca]\ndefault_ca=d\n[d]\ndatabase=%s\nnew_certs_dir=%s\nrand_serial=yes\n"
                      "default_md=sha256\npolicy=p\n[p]\ncommonName=supplied\n"
                      % (index, self.directory))
        _openssl("ca", "-batch", "-notext", "-config", conf, "-in", request, "-out", pem,
                 "-cert", self.pem, "-keyfile", self.key, "-extfile", extra,
                 "-startdate", day(since), "-enddate", day(until))
        return Certificate(pem, key)
