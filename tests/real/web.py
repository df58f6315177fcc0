# SPDX-License-Identifier: GPL-3.0-or-later
"""web.py - a small web server whose answers a test decides on.

Each path has a function that gets the request's handler and writes what it likes; `page`
makes the ordinary one, with an ETag and a length. What was asked is kept in `seen`.
"""
import hashlib
import http.server
import ssl
import threading

import net


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self):
        web = self.server.web
        web.seen.append((self.path, dict(self.headers)))
        answer = web.pages.get(self.path)
        try:
            if answer:
                answer(self)
            else:
                say(self, 404, b"not here")
        except OSError:  # whoever asked has hung up
            self.close_connection = True

    def log_message(self, *args):
        pass


def say(handler, status, body=b"", headers=None, length=True):
    """An answer; without a length it ends when the connection does."""
    handler.send_response(status)
    for name, value in (headers or {}).items():
        handler.send_header(name, value)
    if length:
        handler.send_header("Content-Length", str(len(body)))
    else:
        handler.send_header("Connection", "close")
    handler.end_headers()
    handler.wfile.write(body)


def page(text, **headers):
    """A document with an ETag made of what is in it."""
    body = text.encode() if isinstance(text, str) else text
    tag = '"%s"' % hashlib.sha256(body).hexdigest()[:16]

    def answer(handler):
        if handler.headers.get("If-None-Match") == tag:
            say(handler, 304, headers={"ETag": tag})
        else:
            say(handler, 200, body, {"ETag": tag, **{k.replace("_", "-"): v
                                                     for k, v in headers.items()}})
    return answer


def status(code, **headers):
    return lambda handler: say(handler, code, b"x" * 40,
                               {k.replace("_", "-"): v for k, v in headers.items()})


def redirect(to):
    return status(302, Location=to)


def silent(seconds):
    """The head, and nothing behind it."""
    def answer(handler):
        handler.send_response(200)
        handler.send_header("Content-Length", "1000")
        handler.end_headers()
        handler.wfile.write(b"$TTL 300\n")
        handler.server.web.ending.wait(seconds)
        handler.close_connection = True
    return answer


def cut(text):
    """Less than its length says."""
    def answer(handler):
        body = text.encode()
        handler.send_response(200)
        handler.send_header("Content-Length", str(len(body) + 1))
        handler.end_headers()
        handler.wfile.write(body)
        handler.close_connection = True
    return answer


class Server(http.server.ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, request, client_address):
        pass

    def finish_request(self, request, client_address):
        if self.context:  # in the connection's own thread
            request.settimeout(10)
            request = self.context.wrap_socket(request, server_side=True)
        super().finish_request(request, client_address)
        if self.context:  # an end that was meant (RFC 8446 6.1)
            request.settimeout(1)
            request.unwrap()


class Web:
    """Over TLS if it has a certificate (authority.py)."""

    def __init__(self, certificate=None, address=None, port=8443):
        self.address, self.port = address or net.address(), port
        self.pages, self.seen, self.ending = {}, [], threading.Event()
        self.certificate = certificate
        self.start()

    def start(self):
        self.server = Server((self.address, self.port), Handler)
        self.server.web = self
        self.server.context = None
        if self.certificate:
            self.server.context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            self.server.context.load_cert_chain(self.certificate.pem, self.certificate.key)
        self.thread = threading.Thread(target=self.server.serve_forever, args=(0.05,), daemon=True)
        self.thread.start()

    def stop(self):
        self.ending.set()
        self.server.shutdown()
        self.server.server_close()
        self.thread.join(5)
        self.ending.clear()

    def asked(self, path):
        return [headers for at, headers in list(self.seen) if at == path]

    def url(self, path, host="store.example"):
        return "https://%s:%d%s" % (host, self.port, path)
