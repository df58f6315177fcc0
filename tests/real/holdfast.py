# SPDX-License-Identifier: GPL-3.0-or-later
"""holdfast.py - the server under test: its file, its process, its verbs.

HOLDFAST_BIN names the binary; without it the newest build*/holdfast of the
tree is taken. HOLDFAST_STANDIN=unbound runs Unbound in its place, as a
forwarder with the same upstreams: tests that Unbound passes too are tests of
DNS and not of our own habits, and a wrong test shows before the server does.
"""
import glob
import json
import os
import re
import signal
import subprocess
import urllib.error
import urllib.request

import ask
import net
import wire

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
STANDIN = os.environ.get("HOLDFAST_STANDIN")
PORT = 5300

# What a sanitizer or a failed check says before it ends a process.
FATAL = re.compile(r"AddressSanitizer|LeakSanitizer|ThreadSanitizer|runtime error:|"
                   r"Assertion .* failed|segfault|stack smashing", re.I)


# AddressSanitizer keeps freed memory back, by default so much of it that no bound
# of ours could be seen to hold.
SANITIZER = {"ASAN_OPTIONS": "quarantine_size_mb=4:thread_local_quarantine_size_kb=64:" +
             os.environ.get("ASAN_OPTIONS", "")}


def binary():
    """The binary under test, or None."""
    named = os.environ.get("HOLDFAST_BIN")
    if named:
        return os.path.abspath(named)
    built = [p for p in glob.glob(os.path.join(ROOT, "build*", "holdfast")) if os.access(p, os.X_OK)]
    return max(built, key=os.path.getmtime) if built else None


def yaml(conf):
    """A configuration as text: one top-level key a line, JSON behind it, which is YAML too."""
    return "".join("%s: %s\n" % (key, json.dumps(value)) for key, value in conf.items())


def run_verb(*argv, env=None, timeout=60):
    """Runs a verb to its end. Returns (exit code, stdout and stderr together)."""
    done = subprocess.run([binary()] + list(argv), stdin=subprocess.DEVNULL, timeout=timeout,
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                          env={**os.environ, **(env or {})})
    return done.returncode, done.stdout


# An upstream that is given by its address alone is waited for, and nobody else is asked
# meanwhile: what a test counts is what it asked for, also where a core is taken away for
# a second. Tests of time-outs and of second copies say what they want of an upstream.
PATIENT = {"timeout-min": "1500ms", "hedge": False}

# And one that is never asked twice: its time is longer than that of any question.
NEVER_AGAIN = {"timeout-min": "10s", "timeout-max": "10s", "hedge": False}


class Holdfast:
    """A running server. Keyword arguments are the file's sections; what is not
    given is small and quick, so that tests are."""

    def __init__(self, directory, upstreams, forward=None, listen=None, address=None, start=True,
                 env=None, **sections):
        self.directory = str(directory)
        self.address = address or net.address()
        self.http = net.address()
        self.env, self.starts = env or {}, 0
        self.process = None
        self.path = os.path.join(self.directory, "holdfast.yaml")
        self.conf = self._conf(upstreams, forward, listen, sections)
        self.write()
        if start:
            self.start()

    def _conf(self, upstreams, forward, listen, sections):
        named = {name: u if isinstance(u, dict) else {"address": u, **PATIENT}
                 for name, u in upstreams.items()}
        conf = {
            "listen": {"dns": ["%s:%d" % (self.address, PORT)], "http": "%s:9153" % self.http,
                       **(listen or {})},
            "control": os.path.join(self.directory, "control.sock"),
            "workers": 2,
            "upstreams": named,
            "forward": forward or [{"zone": ".", "to": list(named), "order": "listed"}],
            "cache": {"size": "16MiB"},
            "drain": "3s",
            # Questions of our own would be counted as clients', and a fake that answers
            # whatever it is asked would be caught lying. Tests of these ask for them.
            "truth": {"sample": "none", "canaries": "0s", "serials": "0s"},
            "startup": {"verify": "off"},
            "ready": {"rise": "0s"},
        }
        for key, value in sections.items():
            conf[key] = {**conf[key], **value} if isinstance(conf.get(key), dict) else value
        return conf

    def write(self, text=None):
        """Writes the file: the present conf, or a text as it is."""
        with open(self.path, "w") as out:
            out.write(yaml(self.conf) if text is None else text)

    # --- the process ---

    def argv(self):
        if STANDIN:
            return standin_argv(self)
        return [binary(), "run", "-c", self.path]

    def spawn(self, argv=None, env=None, pass_fds=()):
        """Starts the process and does not wait for anything."""
        self.starts += 1
        log = os.path.join(self.directory, "holdfast-%d.log" % self.starts)
        env = {**SANITIZER, **self.env, **(env or {})}
        self.process = net.Process("holdfast", argv or self.argv(), log, env, pass_fds=pass_fds)
        return self.process

    def start(self, argv=None, env=None, pass_fds=()):
        self.spawn(argv, env, pass_fds)
        net.wait_until("holdfast to serve", self.serves_or_ended, 60)
        assert self.process.alive(), "holdfast ended at start:\n" + self.process.output()
        if not STANDIN and self.conf["listen"].get("http") == "%s:9153" % self.http:
            # DNS is served first, the pages about it a moment later.
            net.wait_until("the pages to be served", lambda: net.accepts(self.http, 9153), 60)

    def serves_or_ended(self):
        return not self.process.alive() or self.serves()

    def serves(self, address=None, port=None):
        """True if `localhost.`, which needs no upstream, is answered over UDP and TCP."""
        address, port = address or self.address, port or PORT
        m = wire.query("localhost.")
        with ask.Udp(address, port) as client:
            try:
                if client.ask(m, 0.2) is None:
                    return False
            except OSError:
                return False
        return net.accepts(address, port)

    @property
    def pid(self):
        return self.process.pid

    def stop(self, seconds=30.0):
        """SIGTERM. Returns the exit code."""
        process, self.process = self.process, None
        return process.stop(seconds) if process else 0

    def finish(self):
        """For a fixture's end: stops it and complains of what nobody noticed."""
        if self.process is None:
            return
        process = self.process
        died = not process.alive()
        unexpected = 0 if died else self.unexpected()
        code = self.stop()
        fatal = FATAL.search(process.output())
        assert not fatal, "holdfast's output says %r:\n%s" % (fatal.group(), process.output()[-6000:])
        assert not died, "holdfast died (%s):\n%s" % (code, process.output()[-6000:])
        assert not unexpected, "%d things happened that should not" % unexpected
        assert code == 0 or STANDIN, "holdfast ended with %s on SIGTERM" % code

    def unexpected(self):
        """How often something happened that cannot, as the server counts itself."""
        if STANDIN or self.conf["listen"].get("http") == "none":
            return 0
        try:
            return self.metrics().get("holdfast_unexpected_total", 0)
        except OSError:
            return 0

    def kill(self):
        process, self.process = self.process, None
        if process:
            process.kill()

    def hangup(self):
        self.process.signal(signal.SIGHUP)

    def reload(self):
        return run_verb("reload", "-c", self.path)

    def says(self, words, times=1):
        """The log is written a moment after what it tells of: waits for the words."""
        process = self.process
        net.wait_until("the log to say %r" % words, lambda: process.output().count(words) >= times)
        return process.output()

    # --- asking it ---

    def udp(self, qname, qtype="A", seconds=ask.ANSWER_WAIT, source=None, **how):
        return ask.udp(self.address, PORT, wire.query(qname, qtype, **how), seconds, source)

    def tcp(self, qname, qtype="A", seconds=ask.ANSWER_WAIT, source=None, **how):
        return ask.tcp(self.address, PORT, wire.query(qname, qtype, **how), seconds, source)

    def udp_client(self, **how):
        return ask.Udp(self.address, PORT, **how)

    def tcp_client(self, **how):
        return ask.Tcp(self.address, PORT, **how)

    def get(self, path, timeout=30):
        """GET over HTTP: (status, body, headers)."""
        request = urllib.request.Request("http://%s:9153%s" % (self.http, path))
        try:
            with urllib.request.build_opener(urllib.request.ProxyHandler({})).open(
                    request, timeout=timeout) as page:
                return page.status, page.read().decode(), page.headers
        except urllib.error.HTTPError as page:
            return page.code, page.read().decode(), page.headers

    def metrics(self):
        """Every sample: {"name{labels}": value}."""
        status, body, _ = self.get("/metrics")
        assert status == 200
        return parse_metrics(body)


def parse_metrics(body):
    out = {}
    for line in body.splitlines():
        if line and not line.startswith("#"):
            key, value = line.rsplit(" ", 1)
            assert key not in out, "two samples of " + key
            out[key] = float(value)
    return out


# --- the stand-in --------------------------------------------------------------

def standin_argv(server):
    conf, lines = server.conf, []
    for at in conf["listen"]["dns"]:
        host, port = at.rsplit(":", 1)
        lines.append("interface: %s@%s" % (host.strip("[]"), port))
    for rule in (conf.get("clients") or {}).get("allow", ["127.0.0.0/8", "::1"]):
        lines.append("access-control: %s allow" % rule)
    idle = re.match(r"(\d+)(ms|s)", (conf.get("tcp") or {}).get("idle", "10s"))
    idle_ms = int(idle.group(1)) * (1000 if idle.group(2) == "s" else 1)
    text = """server:
    %s
    access-control: 0.0.0.0/0 refuse
    do-daemonize: no\n    username: ""\n    chroot: ""\n    directory: "%s"\n    pidfile: ""
    use-syslog: no\n    verbosity: 1\n    num-threads: %s\n    so-reuseport: yes
    do-not-query-localhost: no\n    module-config: "iterator"\n    use-caps-for-id: yes
    edns-buffer-size: 1232\n    max-udp-size: 1232\n    minimal-responses: no
    tcp-idle-timeout: %d\n    edns-tcp-keepalive: yes\n    edns-tcp-keepalive-timeout: %d
    deny-any: no\n    harden-below-nxdomain: yes\n    harden-large-queries: no
    qname-minimisation: no\n    ede: yes\n    interface-automatic: %s\n    outgoing-range: 1024
remote-control:\n    control-enable: no
""" % ("\n    ".join(lines), server.directory, conf["workers"], idle_ms, idle_ms,
       "yes" if any(at.startswith("0.0.0.0") for at in conf["listen"]["dns"]) else "no")
    for rule in conf["forward"]:
        text += "forward-zone:\n    name: \"%s\"\n" % rule["zone"]
        for name in rule["to"]:
            at = conf["upstreams"][name]["address"]
            if at.startswith("tcp://"):
                text += "    forward-tcp-upstream: yes\n"
            host, port = at.replace("tcp://", "").rsplit(":", 1)
            text += "    forward-addr: %s@%s\n" % (host, port)
    path = os.path.join(server.directory, "unbound.conf")
    with open(path, "w") as out:
        out.write(text)
    return ["/usr/sbin/unbound", "-d", "-p", "-c", path]
