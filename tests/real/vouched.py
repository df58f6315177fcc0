# SPDX-License-Identifier: GPL-3.0-or-later
"""vouched.py - servers that show a certificate, and upstreams that say where they are.

A `Site` listens on one loopback address and port, shakes hands, notes the name that it
was asked for (SNI) and what it was sent afterwards, and says nothing.
"""
import os
import socket
import ssl
import threading

import authority
import fake as fakes
import net
import wire

PORT = 8443


class Site:
    """A TLS server with a certificate; without one it talks, but not TLS."""

    def __init__(self, certificate=None, address=None, port=PORT):
        self.address, self.port = address or net.address(), port
        self.asked = []   # names of SNI, a handshake each
        self.sent = b""   # what came behind a handshake
        self.connections = 0
        self.context = self._context(certificate) if certificate else None
        self.door = socket.create_server((self.address, port), backlog=128)
        self.thread = threading.Thread(target=self._run, daemon=True)
        self.thread.start()

    def _context(self, certificate):
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(certificate.pem, certificate.key)
        context.sni_callback = lambda _sock, name, _context: self.asked.append(name)
        return context

    def _run(self):
        while True:
            try:
                stream, _ = self.door.accept()
            except OSError:
                return
            self.connections += 1
            threading.Thread(target=self._serve, args=(stream,), daemon=True).start()

    def _serve(self, stream):
        stream.settimeout(10)
        try:
            if not self.context:
                stream.sendall(b"220 mail.invalid ESMTP\r\n")
                stream.recv(4096)
                stream.close()
                return
            with self.context.wrap_socket(stream, server_side=True) as session:
                while True:
                    octets = session.recv(4096)
                    if not octets:
                        return
                    self.sent += octets
        except OSError:
            pass

    def stop(self):
        self.door.close()


def signed_by_itself(directory, name):
    """A certificate for the name that nobody vouches for."""
    os.makedirs(str(directory), exist_ok=True)
    key, pem = (os.path.join(str(directory), "self." + kind) for kind in ("key", "pem"))
    authority._new_key(key)
    authority._openssl("req", "-x509", "-new", "-key", key, "-out", pem, "-days", "30", "-subj",
                       "/CN=" + name, "-addext", "subjectAltName=DNS:" + name)
    return authority.Certificate(pem, key)


def gives(*addresses, ttl=300):
    """The behaviour of an upstream that has one list of addresses for all names."""
    def behave(q):
        if q.qtype != 1:
            return fakes.honest(q)
        return fakes.reply(q, [wire.record(b"\xc0\x0c", "A", ttl, socket.inet_aton(a))
                               for a in addresses])
    return behave
