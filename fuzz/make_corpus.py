#!/usr/bin/python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""Writes what the fuzzers start from: small messages, names and numbers, the
same octets on every run.

    fuzz/make_corpus.py [DIR]     DIR is fuzz/corpus by default

Messages are made by dnspython; those that no sane library writes (loops of
pointers, records behind OPT, names that lean on TTLs) are set by hand. Files
that a fuzzer found and that are worth keeping lie beside these under names of
their own and are not touched."""

import os
import struct
import sys

import dns.edns
import dns.flags
import dns.message
import dns.name
import dns.rcode
import dns.rdata
import dns.rdatatype
import dns.rdtypes.ANY.TSIG
import dns.rrset
import dns.tsig

NAME = 'shop.example.'
SOA = 'example. 900 IN SOA ns.example. host.example. 1 7200 900 1209600 300'

# One record of each type that has something of its own in it.
RECORDS = {
    'A': '192.0.2.10', 'NS': 'ns1.example.', 'CNAME': 'web.shop.example.',
    'SOA': 'ns.example. host.example. 2024010101 7200 900 1209600 300',
    'PTR': 'host.example.', 'HINFO': '"cpu" "os"', 'MX': '10 mail.shop.example.',
    'TXT': '"v=spf1 -all" "second"', 'RP': 'mbox.example. txt.example.',
    'AFSDB': '1 afs.example.', 'RT': '10 relay.example.', 'PX': '10 map822.example. mapx400.example.',
    'AAAA': '2001:db8::10', 'LOC': '52 22 23.000 N 4 53 32.000 E -2.00m 0.00m 10000m 10m',
    'SRV': '1 2 443 target.shop.example.', 'NAPTR': '100 10 "U" "E2U+sip" "!^.*$!sip:a@example!" .',
    'KX': '10 kx.example.', 'CERT': '1 0 0 AAAA', 'DNAME': 'other.example.',
    'DS': '12345 13 2 ' + 'ab' * 32, 'SSHFP': '1 1 ' + 'cd' * 20,
    'RRSIG': 'A 13 2 300 20300101000000 20200101000000 12345 example. AAAA',
    'NSEC': 'a.example. A RRSIG NSEC', 'DNSKEY': '257 3 13 AAAA',
    'NSEC3': '1 0 0 - 2t7b4g4vsa5smi47k61mv5bv1a22bojr A RRSIG', 'NSEC3PARAM': '1 0 0 -',
    'TLSA': '3 1 1 ' + 'ef' * 32, 'CDS': '12345 13 2 ' + 'ab' * 32, 'OPENPGPKEY': 'AAAA',
    'CSYNC': '1 3 A NS', 'SPF': '"v=spf1"', 'EUI48': '00-00-5e-00-53-2a', 'URI': '10 1 "https://shop.example/"',
    'CAA': '0 issue "ca.example"', 'SVCB': '1 svc.shop.example. alpn="h2,h3" port=8443',
    'HTTPS': '1 . alpn="h2" ipv4hint=192.0.2.1', 'TYPE65280': r'\# 4 c00c0001',
}


def query(name, rdtype, **edns):
    message = dns.message.make_query(name, rdtype, id=0x1234, **edns)
    return message


def answer(name, rdtype, records, authority=(), additional=(), rcode=0, edns=True):
    ask = query(name, rdtype, use_edns=0 if edns else None)
    reply = dns.message.make_response(ask, recursion_available=True)
    reply.set_rcode(rcode)
    for section, texts in ((reply.answer, records), (reply.authority, authority),
                           (reply.additional, additional)):
        for text in texts:
            section.append(dns.rrset.from_text(*text.split(None, 4)))
    return reply.to_wire(max_size=65535)


def header(flags, questions, answers=0, authorities=0, additionals=0, ident=0x1234):
    return struct.pack('>6H', ident, flags, questions, answers, authorities, additionals)


def record(owner, rdtype, ttl, rdata, rdclass=1):
    return owner + struct.pack('>HHIH', rdtype, rdclass, ttl, len(rdata)) + rdata


QUESTION = b'\4shop\7example\0\0\1\0\1'
POINTER = b'\xc0\x0c'
OPT = record(b'\0', 41, 0, b'', 1232)


def queries():
    yield 'query-plain', query(NAME, 'A').to_wire()
    yield 'query-root', query('.', 'NS').to_wire()
    yield 'query-case', query('sHoP.eXaMpLe.', 'AAAA').to_wire()
    yield 'query-long', query('.'.join(['a' * 63] * 3 + ['b' * 61]) + '.', 'TXT').to_wire()
    yield 'query-labels', query('a.' * 127, 'A').to_wire()
    yield 'query-any', query(NAME, 'ANY').to_wire()
    yield 'query-chaos', dns.message.make_query('version.bind.', 'TXT', 'CH', id=1).to_wire()
    yield 'query-edns', query(NAME, 'A', use_edns=0, payload=4096, want_dnssec=True).to_wire()
    yield 'query-edns-version', query(NAME, 'A', use_edns=1).to_wire()
    options = [dns.edns.GenericOption(10, b'12345678'), dns.edns.GenericOption(11, b''),
               dns.edns.GenericOption(12, bytes(40)), dns.edns.GenericOption(65001, b'x')]
    yield 'query-edns-options', query(NAME, 'A', use_edns=0, options=options).to_wire()
    update = header(5 << 11, 1) + QUESTION
    yield 'query-update', update
    yield 'query-notify', header(4 << 11, 1) + QUESTION
    yield 'query-two-questions', header(0x100, 2) + QUESTION + QUESTION
    yield 'query-no-question', header(0x100, 0)
    yield 'query-into-header', header(0x100, 1) + b'\3www\xc0\x04\0\1\0\1'
    yield 'query-two-opts', header(0x100, 1, 0, 0, 2) + QUESTION + OPT + OPT
    yield 'query-padded', query(NAME, 'A').to_wire() + bytes(16)
    yield 'query-tsig', header(0x100, 1, 0, 0, 1) + QUESTION + record(
        b'\3key\0', 250, 0, b'\3md5\0' + bytes(16), 255)


def replies():
    for rdtype, rdata in RECORDS.items():
        text = f'{NAME} 300 IN {rdtype} {rdata}'
        yield f'reply-{rdtype.lower()}', answer(NAME, rdtype, [text])
    yield 'reply-many', answer(NAME, 'A', [f'{NAME} 60 IN A 192.0.2.{i}' for i in range(1, 40)])
    chain = [f'c{i}.example. {60 + i} IN CNAME c{i + 1}.example.' for i in range(8)]
    yield 'reply-chain', answer('c0.example.', 'A', chain + ['c8.example. 5 IN A 192.0.2.1'])
    yield 'reply-dname', answer('a.old.example.', 'A', [
        'old.example. 60 IN DNAME new.example.', 'a.old.example. 60 IN CNAME a.new.example.',
        'a.new.example. 60 IN A 192.0.2.2'])
    yield 'reply-nxdomain', answer(NAME, 'A', [], [SOA], rcode=3)
    yield 'reply-nodata', answer(NAME, 'A', [], [SOA])
    yield 'reply-referral', answer(NAME, 'A', [], [f'{NAME} 60 IN NS ns.{NAME}'],
                                   [f'ns.{NAME} 60 IN A 192.0.2.3'])
    yield 'reply-additional', answer(NAME, 'MX', [f'{NAME} 60 IN MX 5 m.{NAME}'],
                                     [f'{NAME} 60 IN NS n.{NAME}'],
                                     [f'm.{NAME} 60 IN A 192.0.2.4', f'n.{NAME} 60 IN AAAA 2001:db8::4'])
    yield 'reply-poisoned', answer(
        NAME, 'A', ['bank.test. 60 IN CNAME evil.test.', f'{NAME} 60 IN A 192.0.2.5',
                    'bank.test. 60 IN A 192.0.2.6'],
        [f'{NAME} 60 IN NS bank.test.', 'bank.test. 60 IN SOA a.test. b.test. 1 2 3 4 5'],
        ['bank.test. 60 IN A 192.0.2.7'])
    yield 'reply-aliases-unsorted', answer('w.test.', 'A', [
        'b.cdn.test. 60 IN A 192.0.2.8', 'a.cdn.test. 60 IN CNAME b.cdn.test.',
        'w.test. 60 IN CNAME a.cdn.test.', 'c.cdn.test. 60 IN A 192.0.2.9'])
    long_text = ' '.join(f'"{chr(97 + i) * 250}"' for i in range(16))
    yield 'reply-long-txt', answer(NAME, 'TXT', [f'{NAME} 60 IN TXT {long_text}'])
    for code in (1, 2, 5):
        yield f'reply-rcode-{code}', answer(NAME, 'A', [], rcode=code)
    yield 'reply-badvers', answer(NAME, 'A', [], rcode=16)
    yield 'reply-no-edns', answer(NAME, 'A', [f'{NAME} 0 IN A 192.0.2.5'], edns=False)


def crafted():
    reply = 0x8180
    a_record = record(POINTER, 1, 300, b'\xc0\0\2\1')
    for rdtype, rdata in {3: b'\1a' + POINTER, 7: b'\2mb' + POINTER, 8: b'\2mg' + POINTER,
                          9: b'\2mr' + POINTER, 14: b'\1r\0\1e' + POINTER, 30: b'\1n\0\x40'}.items():
        yield f'type-{rdtype}', header(reply, 1, 1) + QUESTION + record(POINTER, rdtype, 60, rdata)
    yield 'bare-header', header(reply, 0)
    yield 'ttl-top-bit', header(reply, 1, 1) + QUESTION + record(POINTER, 1, 0x80000001, bytes(4))
    yield 'behind-opt', (header(reply, 1, 1, 0, 3) + QUESTION
                         + record(POINTER, 15, 60, b'\0\5\4mail\xc0\x11') + OPT
                         + record(b'\xc0\x2c', 1, 60, bytes(4))
                         + record(b'\1x' + POINTER, 33, 60, b'\0\1\0\2\0\3\1y\xc0\x2c'))
    yield 'ede', header(reply | 2, 1, 0, 0, 1) + QUESTION + record(
        b'\0', 41, 0, b'\0\17\0\6\0\x16dark', 1232)
    yield 'loop', header(reply, 1, 2) + QUESTION + record(b'\xc0\x1e', 1, 60, b'') + a_record
    yield 'lean-on-ttl', (header(reply, 1, 2) + QUESTION + record(POINTER, 1, 0x00016100, bytes(4))
                          + record(b'\xc0\x25', 1, 60, bytes(4)))
    yield 'pointer-chain', (header(reply, 1, 3) + QUESTION
                            + record(POINTER, 5, 60, b'\1a\xc0\x0c')
                            + record(b'\xc0\x2a', 5, 60, b'\1b\xc0\x2a')
                            + record(b'\xc0\x3a', 5, 60, b'\1c\xc0\x3a'))
    yield 'whole-owner-in-case', (header(reply, 1, 2) + b'\4ShOp\7eXaMpLe\0\0\1\0\1'
                                  + record(b'\4ShOp\7eXaMpLe\0', 1, 60, bytes(4))
                                  + record(b'\4ShOp\xc0\x11', 1, 60, bytes(4)))
    yield 'opt-in-answer', header(reply, 1, 1) + QUESTION + OPT
    yield 'tsig', header(reply, 1, 1, 0, 1) + QUESTION + a_record + record(
        b'\3key\0', 250, 0, b'\3md5\0' + bytes(16), 255)
    yield 'sig0', header(reply, 1, 1, 0, 1) + QUESTION + a_record + record(
        b'\0', 24, 0, b'\0\0\5\0' + bytes(14) + b'\1k\0sig')
    yield 'empty-rdata', header(reply, 1, 1) + QUESTION + record(POINTER, 5, 60, b'')
    yield 'soa-short', header(reply, 1, 0, 1) + QUESTION + record(POINTER, 6, 60, b'\0\0' + bytes(19))
    yield 'counts-lie', header(reply, 1, 9, 9, 9) + QUESTION + a_record
    yield 'cut-short', (header(reply | 0x200, 1, 2) + QUESTION + a_record + a_record)[:-3]


def names():
    texts = ['.', 'shop.example', 'Shop.Example.', 'a\\.b.example', '\\000\\255.x', '_dns.*.example',
             '.'.join(['a' * 63] * 3 + ['b' * 61]), 'a.' * 127, '..', 'a..b', '\\', '\\25', '\\256', 'a' * 64]
    for number, text in enumerate(texts):
        yield f'text-{number:02}', text.encode()
    wires = {
        'wire-plain': b'\4shop\7example\0', 'wire-root': b'\0',
        'wire-pointers': bytes(12) + b'\7example\0\3www\xc0\x0c\1a\xc0\x15\xc0\x1b',
        'wire-suffixes': bytes(12) + b'\1a\1b\1c\0\1b\1c\0\1c\0\2bc\0\1A\1B\1C\0',
        'wire-loop': bytes(12) + b'\xc0\x0e\xc0\x0c', 'wire-reserved': bytes(12) + b'\x40a\0\x80a\0',
        'wire-longest': bytes(12) + (b'\x3f' + b'x' * 63) * 3 + b'\x3d' + b'y' * 61 + b'\0\xc0\x0c',
        'wire-looks-like-label': b'\11x\7example\0\7example\0',
    }
    yield from wires.items()


def numbers():
    texts = ['0', '1', '18446744073709551615', '18446744073709551616', '007', '-1', '+1', ' 1', '',
             '400ms', '1.5s', '4h10m', '366d', '367d', '1d2h3m4s5ms6us', '1s1s', '0.000001s', '1.5us',
             '4096', '64KiB', '256MiB', '16777215TiB', '16777216TiB', '1kB', 'KiB',
             '192.0.2.1', '192.0.2.1:53', '192.0.2.1:65536', '::', '::1', '2001:db8::1', '[2001:db8::1]:53',
             '::ffff:192.0.2.1', '[::ffff:192.0.2.1]:53', 'fe80::1%2', '[fe80::1%4294967295]:53', 'fe80::1%eth0',
             '10.0.0.0/8', '10.0.0.1/8', '0.0.0.0/0', '::/0', '2001:db8::/32', '::ffff:10.0.0.0/8', '::1/129']
    for number, text in enumerate(texts):
        yield f'text-{number:02}', text.encode()


def written_files():
    """Contents of blocks, and a whole file whose session is the one that the target expects."""
    sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), '..', 'tests', 'real'))
    import written
    reply = 0x8180
    wires = [header(reply, 1, 1) + QUESTION + record(POINTER, 1, 300, b'\xc0\0\2\1'),
             header(reply | 3, 1, 0, 1) + QUESTION + record(POINTER, 6, 60, b'\0\0' + bytes(20))]
    content = b''
    for flags, wire in ((1, wires[0]), (4, wires[1]), (0x80, bytes(12) + QUESTION)):
        wire = bytes(2) + wire[2:].lower()
        content += struct.pack('!HHBBIq', len(wire), 0, flags, 2, 60, 5 * 10**6) + wire
    routes = b'\0\1' + struct.pack('!BHI', 4, 53, 0) + b'\x7f\0\0\1' + bytes(12)
    yield 'answers', content
    yield 'routes', routes
    whole, octets = (0x0102030405060708, 1, 2, 3, 4, 5), b''
    for kind, text in ((written.ROUTES, routes), (written.ANSWERS, content)):
        head = written.BLOCK.pack(b'HFBL', 1, kind, 0, 3, *whole)
        octets += written.Block(head, text).octets(len(octets))
    yield 'blocks', octets
    yield 'blocks-cut', octets[:-100]


def memories():
    """What was learnt of upstreams: the time since, and records."""
    def named(kind, memory, zone=b''):
        key = b'\6office' + struct.pack('!BHI', 4, 53, 0) + b'\x7f\0\0\1' + bytes(12) + zone
        return struct.pack('!BH', kind, len(key + memory)) + key + memory
    closed, resting = struct.pack('!BBBII', 0, 0, 0, 0, 0), struct.pack('!BBBII', 1, 3, 5, 900, 7000)
    zone = b'\x0d\4corp\7example\0'
    rtt = struct.pack('!III', 31000, 9000, 4096) + b'\x13\0\xc8\x14\0\x40\x1a\0\2\xff'
    upstream = [struct.pack('!I', 1500) + circuit + struct.pack('!QBIHHHIII', 1 << 20, pacing, *rest)
                for circuit, pacing, *rest in (
                    (closed, 1, 1000, 980, 800, 800, 400000, 500000, 0),
                    (resting, 0, 0, 0, 0, 512, 0, 90000, 600000))]
    path = [struct.pack('!I', 1500) + circuit + struct.pack('!II', *times) + rtt
            for circuit, times in ((closed, (1600, 1500)), (resting, (0xffffffff, 4000)))]
    texts = [named(1, m) for m in upstream] + [named(2, m, zone) for m in path]
    for number, text in enumerate(texts):
        yield f'record-{number}', struct.pack('!IB', 30, 0) + text
    yield 'records', struct.pack('!IB', 3600, 0) + b'\x07\0\3new' + b''.join(texts)
    yield 'records-unknown-gap', struct.pack('!IB', 0, 3) + b''.join(texts)


SECRET = bytes(range(16, 48))
SIGNED_AT = 1700000000


def framed(*messages):
    return b''.join(struct.pack('>H', len(m)) + m for m in messages)


def with_record(message, key, rdata):
    data = rdata.to_wire()
    return (message[:10] + struct.pack('>H', struct.unpack('>H', message[10:12])[0] + 1) + message[12:] +
            key.name.to_wire() + struct.pack('>HHIH', 250, 255, 0, len(data)) + data)


def signed(message, key, at=SIGNED_AT, before=b'', ctx=None, multi=False):
    blank = dns.rdtypes.ANY.TSIG.TSIG(255, 250, key.algorithm, 0, 300, b'', 0x1234, 0, b'')
    rdata, ctx = dns.tsig.sign(message, key, blank, time=at, request_mac=before, ctx=ctx, multi=multi)
    return with_record(message, key, rdata), rdata.mac, ctx


ZONE = 'corp.internal.'


def part(records, rdtype='AXFR', question=True):
    ask = dns.message.make_query(ZONE, rdtype, id=0x1234)
    reply = dns.message.make_response(ask)
    reply.flags = dns.flags.QR | dns.flags.AA
    if not question:
        reply.question = []
    for text in records:
        reply.answer.append(dns.rrset.from_text(*text.split(None, 4)))
    return reply.to_wire(max_size=65535)


def tsigs():
    ask = dns.message.make_query(ZONE, 'AXFR', id=0x1234)
    ask.flags = 0
    name = dns.name.from_text('transfer.key.')
    macs = {}
    for algorithm in ('hmac-sha1', 'hmac-sha224', 'hmac-sha256', 'hmac-sha384', 'hmac-sha512'):
        key = dns.tsig.Key(name, SECRET, algorithm)
        octets, macs[algorithm], _ = signed(ask.to_wire(), key)
        yield f'request-{algorithm}', framed(octets)
    key = dns.tsig.Key(name, SECRET, 'hmac-sha256')
    yield 'request-old', framed(signed(ask.to_wire(), key, SIGNED_AT - 9999)[0])
    yield 'request-other-key', framed(signed(ask.to_wire(), dns.tsig.Key(
        dns.name.from_text('other.key.'), SECRET, 'hmac-sha256'))[0])
    replies, ctx = [], None
    for number in range(5):
        m = part([f'h{number}.{ZONE} 300 IN A 192.0.2.{number}'], question=number == 0)
        if number in (2, 3):
            ctx.update(m)
        else:
            m, _, ctx = signed(m, key, SIGNED_AT + number, macs['hmac-sha256'], ctx, True)
        replies.append(m)
    yield 'replies', framed(*replies)
    refusal = dns.rdtypes.ANY.TSIG.TSIG(255, 250, key.algorithm, SIGNED_AT, 300, b'', 0x1234, 17, b'')
    yield 'reply-badkey', framed(with_record(part([]), key, refusal))


def transfers():
    def soa(serial):
        return f'{ZONE} 300 IN SOA ns.{ZONE} host.{ZONE} {serial} 60 30 600 300'

    def web(last):
        return f'web.{ZONE} 300 IN A 192.0.2.{last}'
    ns = [f'{ZONE} 300 IN NS ns.{ZONE}', f'ns.{ZONE} 300 IN A 192.0.2.53']
    whole, differ = b'\0', b'\1'
    yield 'axfr', whole + framed(part([soa(8)] + ns + [web(1)]), part([soa(8)], question=False))
    yield 'axfr-one-by-one', whole + framed(*(part([r]) for r in [soa(8)] + ns + [web(1), soa(8)]))
    yield 'axfr-cut', whole + framed(part([soa(8)] + ns))
    yield 'axfr-two-soas', whole + framed(part([soa(8)] + ns), part([soa(9)]))
    yield 'axfr-outside', whole + framed(part([soa(8), 'other. 300 IN A 192.0.2.1']), part([soa(8)]))
    yield 'axfr-all-types', whole + framed(part([soa(8)] + ns), *(
        part([f't{number}.{ZONE} 300 IN {rdtype} {text}'])
        for number, (rdtype, text) in enumerate(RECORDS.items()) if rdtype != 'SOA'), part([soa(8)]))
    steps = [soa(8), soa(7), web(1), soa(8), web(3), soa(8)]
    yield 'ixfr-one-by-one', differ + framed(*(part([r], 'IXFR') for r in steps))
    steps = [soa(9), soa(7), web(1), web(2), soa(8), web(3), soa(8), web(3), soa(9), web(4), soa(9)]
    yield 'ixfr-two', differ + framed(*(part([r], 'IXFR') for r in steps))
    yield 'ixfr-nothing', differ + framed(part([soa(7)], 'IXFR'))
    yield 'ixfr-whole', differ + framed(part([soa(8)] + ns, 'IXFR'), part([soa(8)], 'IXFR'))
    yield 'ixfr-not-there', differ + framed(*(part([r], 'IXFR') for r in [soa(8), soa(7), web(9), soa(8)]))
    refused = bytearray(part([], 'IXFR'))
    refused[3] |= 5
    yield 'ixfr-refused', differ + framed(bytes(refused))


def copies():
    """A zone's copy on the disk and its proof (authority/copy.c), sealed by who reads them."""
    origin = dns.name.from_text('corp.example.').to_wire()

    def proof(serial, wall, now, boot=0):
        return b'hfproof\x01' + struct.pack('!IqqQ', serial, wall, now, boot)

    def given(content, how=3, beside=proof(8, 1789999000, 1)):
        return bytes([how, len(beside)]) + beside + content

    def one_set(owner, rdtype, *rdatas, ttl=300):
        owner = dns.name.from_text(owner).to_wire()
        rdatas = [dns.rdata.from_text('IN', rdtype, text).to_wire() for text in rdatas]
        octets = b''.join(struct.pack('!H', len(r)) + r for r in rdatas)
        return (bytes([len(owner)]) + owner + struct.pack(
            '!HIHI', dns.rdatatype.from_text(rdtype), ttl, len(rdatas), len(octets)) + octets)
    head = b'hfzone\x00\x01' + bytes([len(origin)]) + origin
    apex = one_set('corp.example.', 'SOA', 'ns.corp.example. host.corp.example. 8 60 30 600 300') + \
        one_set('corp.example.', 'NS', 'ns.corp.example.') + one_set('ns.corp.example.', 'A', '192.0.2.53')
    web = one_set('web.corp.example.', 'A', '192.0.2.1', '192.0.2.2')
    yield 'whole', given(head + apex + web)
    yield 'all-types', given(head + apex + b''.join(
        one_set(f't{number}.corp.example.', rdtype, text)
        for number, (rdtype, text) in enumerate(RECORDS.items()) if rdtype not in ('SOA', 'DNAME')))
    yield 'wild-and-cut', given(head + apex + one_set('*.corp.example.', 'TXT', '"any"') +
                                one_set('sub.corp.example.', 'NS', 'ns.sub.corp.example.') +
                                one_set('ns.sub.corp.example.', 'A', '192.0.2.54'))
    yield 'no-apex', given(head + web)
    yield 'cut', given((head + apex + web)[:-3])
    yield 'outside', given(head + apex + one_set('web.other.', 'A', '192.0.2.1'))
    yield 'another-zone', given(head.replace(b'corp', b'prod') + apex)
    yield 'unsealed', given(head + apex + web, 0)
    yield 'proof-of-another-serial', given(head + apex, beside=proof(9, 1789999000, 1))
    yield 'proof-from-later', given(head + apex, beside=proof(8, 2**62, 2**62, 1))
    yield 'proof-from-never', given(head + apex, 7, proof(8, -1, -1, 2**64 - 1))
    yield 'proof-cut', given(head + apex, beside=proof(8, 1, 1)[:-4])
    yield 'many-in-a-set', given(head + apex + one_set('web.corp.example.', 'A', *(
        f'192.0.2.{n}' for n in range(200))))


def updates():
    """What servers that take updates say."""
    soa = 'shop.example. 300 IN SOA ns.shop.example. host.shop.example. 7 7200 900 1209600 300'
    reply = bytearray(answer(NAME, 'SOA', [soa], edns=False))
    reply[2] |= dns.flags.AA >> 8
    yield 'soa', bytes(reply)
    yield 'soa-no-authority', answer(NAME, 'SOA', [soa], edns=False)
    yield 'soa-short', bytes(reply[:-6])
    yield 'refused', answer(NAME, 'SOA', [], rcode=5, edns=False)
    yield 'taken', header(0xa800, 0)
    yield 'nxrrset', header(0xa808, 0)


def vector(octets, width):
    return len(octets).to_bytes(width, 'big') + octets


def tls_record(kind, octets, version=b'\x03\x03'):
    return bytes([kind]) + version + vector(octets, 2)


def client_hello(newest):
    """What a client begins with: TLS 1.3 with X25519, or 1.2."""
    def extension(number, octets):
        return number.to_bytes(2, 'big') + vector(octets, 2)
    share = bytes(range(9, 41))  # a point like any other
    extensions = b''.join([
        extension(0, vector(b'\0' + vector(b'ns.example', 2), 2)),
        extension(10, vector(bytes.fromhex('001d00170018'), 2)),
        extension(13, vector(bytes.fromhex('04030503080408050401'), 2)),
        extension(16, vector(vector(b'dot', 1), 2)), extension(23, b''), extension(0xff01, b'\0')])
    if newest:
        extensions += extension(43, vector(b'\x03\x04', 1)) + extension(45, vector(b'\x01', 1))
        extensions += extension(51, vector(b'\x00\x1d' + vector(share, 2), 2))
    suites = bytes.fromhex('13011303' if newest else 'c02bc02fcca9')
    body = (b'\x03\x03' + bytes(range(32)) + vector(bytes(range(32)), 1) + vector(suites, 2) + b'\x01\0' +
            vector(extensions, 2))
    return b'\x01' + vector(body, 3)


def tls_servers():
    """Steps of fuzz_tls_server.c: whether a client shakes hands, then raw and sealed octets."""
    def raw(octets):
        return b'\0' + vector(octets, 2)

    def sealed(count):
        return b'\1' + count.to_bytes(2, 'big')
    rest, end = b'\2\0\0', b'\3\0\0'
    for newest in (True, False):
        hello, name = client_hello(newest), 'hello-13' if newest else 'hello-12'
        yield name, b'\0' + raw(tls_record(22, hello, b'\x03\x01')) + rest
        yield name + '-in-pieces', b'\0' + b''.join(
            raw(tls_record(22, hello[i:i + 40])) for i in range(0, len(hello), 40)) + end
        yield name + '-and-more', (b'\0' + raw(tls_record(22, hello) + tls_record(20, b'\x01') + tls_record(23, bytes(40)))
                                   + raw(tls_record(22, hello)))
        yield name + '-cut', b'\0' + raw(tls_record(22, hello)[:60]) + rest + end
    yield 'hello-that-never-ends', b'\0' + raw(tls_record(22, b'\x01\xff\xff\xff' + bytes(500))) * 3 + rest
    yield 'no-tls', b'\0' + raw(b'GET / HTTP/1.1\r\n\r\n') + rest
    yield 'plain-dns', b'\0' + raw(vector(query(NAME, 'A').to_wire(), 2))
    yield 'data-first', b'\0' + raw(tls_record(23, bytes(60)))
    yield 'alerts', b'\0' + raw(tls_record(21, b'\x01\0') * 40)
    yield 'talk', b'\1' + sealed(29) + rest + sealed(4096) * 8 + rest
    yield 'talk-and-go', b'\1' + sealed(600) + end
    yield 'forged-data', b'\1' + sealed(29) + raw(tls_record(23, bytes(range(80)))) + sealed(29)
    yield 'forged-alert', b'\1' + sealed(29) + raw(tls_record(21, b'\x01\0')) + sealed(29)
    yield 'forged-change', b'\1' + raw(tls_record(20, b'\x01')) * 3 + sealed(29)
    yield 'hello-again', b'\1' + sealed(29) + raw(tls_record(22, client_hello(True))) + rest
    yield 'record-cut', b'\1' + raw(tls_record(23, bytes(300))[:100]) + rest + end


def main(home):
    targets = {'copy': [copies], 'tls_server': [tls_servers], 'update': [updates], 'tsig': [tsigs], 'transfer': [transfers], 'memory': [memories], 'written': [written_files], 'message': [queries, replies, crafted], 'sets': [replies], 'name': [names], 'number': [numbers]}
    count = total = 0
    for target, makers in targets.items():
        folder = os.path.join(home, target)
        os.makedirs(folder, exist_ok=True)
        for maker in makers:
            for name, octets in maker():
                with open(os.path.join(folder, name), 'wb') as out:
                    out.write(octets)
                count, total = count + 1, total + len(octets)
    print(f'{count} files, {total} octets')


if __name__ == '__main__':
    main(sys.argv[1] if sys.argv[1:] else
         os.path.join(os.path.dirname(os.path.abspath(__file__)), 'corpus'))
