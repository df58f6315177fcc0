/* SPDX-License-Identifier: MIT */
/* dns.h - the numbers of the protocol, as IANA's registry names them.
 * RFC 1035, 6891 (EDNS), 6895 (registries), 8914 (extended errors). */
#ifndef HF_WIRE_DNS_H
#define HF_WIRE_DNS_H

#define HF_HEADER_LEN 12
#define HF_OPT_LEN 11 /* an OPT record without options: RFC 6891 6.1.2 */
#define HF_NAME_MAX 255        /* octets on the wire, RFC 1035 2.3.4 */
#define HF_LABEL_MAX 63
#define HF_MESSAGE_MAX 65535
#define HF_UDP_PLAIN_MAX 512   /* without EDNS, RFC 1035 4.2.1 */
#define HF_EDNS_SIZE 1232      /* fits 1,280 bytes of IPv6 minimum MTU: no fragments */

enum hf_opcode { HF_OPCODE_QUERY = 0, HF_OPCODE_NOTIFY = 4, HF_OPCODE_UPDATE = 5 };

enum hf_rcode {
	HF_RCODE_NOERROR = 0,
	HF_RCODE_FORMERR = 1,
	HF_RCODE_SERVFAIL = 2,
	HF_RCODE_NXDOMAIN = 3,
	HF_RCODE_NOTIMP = 4,
	HF_RCODE_REFUSED = 5,
	HF_RCODE_YXDOMAIN = 6,
	HF_RCODE_NOTAUTH = 9,
	HF_RCODE_BADVERS = 16,
};

enum hf_class { HF_CLASS_IN = 1, HF_CLASS_CH = 3, HF_CLASS_NONE = 254, HF_CLASS_ANY = 255 };

enum hf_type {
	HF_TYPE_A = 1, HF_TYPE_NS = 2, HF_TYPE_MD = 3, HF_TYPE_MF = 4, HF_TYPE_CNAME = 5,
	HF_TYPE_SOA = 6, HF_TYPE_MB = 7, HF_TYPE_MG = 8, HF_TYPE_MR = 9, HF_TYPE_PTR = 12,
	HF_TYPE_HINFO = 13, HF_TYPE_MINFO = 14, HF_TYPE_MX = 15, HF_TYPE_TXT = 16, HF_TYPE_RP = 17,
	HF_TYPE_AFSDB = 18, HF_TYPE_RT = 21, HF_TYPE_SIG = 24, HF_TYPE_PX = 26, HF_TYPE_AAAA = 28,
	HF_TYPE_NXT = 30, HF_TYPE_SRV = 33, HF_TYPE_NAPTR = 35, HF_TYPE_KX = 36, HF_TYPE_DNAME = 39,
	HF_TYPE_OPT = 41, HF_TYPE_DS = 43, HF_TYPE_RRSIG = 46, HF_TYPE_NSEC = 47,
	HF_TYPE_DNSKEY = 48, HF_TYPE_NSEC3 = 50, HF_TYPE_NSEC3PARAM = 51, HF_TYPE_TLSA = 52,
	HF_TYPE_ZONEMD = 63, HF_TYPE_SVCB = 64, HF_TYPE_HTTPS = 65, HF_TYPE_TKEY = 249, HF_TYPE_TSIG = 250, HF_TYPE_IXFR = 251,
	HF_TYPE_AXFR = 252, HF_TYPE_MAILB = 253, HF_TYPE_MAILA = 254, HF_TYPE_ANY = 255,
	HF_TYPE_CAA = 257,
};

/* Bits of the second 16-bit word of the header. */
enum hf_flag {
	HF_FLAG_QR = 0x8000, HF_FLAG_AA = 0x0400, HF_FLAG_TC = 0x0200, HF_FLAG_RD = 0x0100,
	HF_FLAG_RA = 0x0080, HF_FLAG_Z = 0x0040, HF_FLAG_AD = 0x0020, HF_FLAG_CD = 0x0010,
	HF_FLAG_OPCODE = 0x7800, HF_FLAG_RCODE = 0x000f,
};

#define HF_EDNS_DO 0x8000u /* in the low 16 bits of the OPT record's TTL field */

enum hf_edns_option {
	HF_EDNS_COOKIE = 10,
	HF_EDNS_KEEPALIVE = 11, /* RFC 7828 */
	HF_EDNS_PADDING = 12,   /* RFC 7830 */
	HF_EDNS_EDE = 15,       /* RFC 8914 */
};

/* Extended DNS errors, RFC 8914 section 4. NONE is ours: say nothing. */
enum hf_ede {
	HF_EDE_NONE = -1,
	HF_EDE_OTHER = 0,
	HF_EDE_STALE = 3,
	HF_EDE_FORGED = 4,
	HF_EDE_BOGUS = 6,
	HF_EDE_CACHED_ERROR = 13,
	HF_EDE_NOT_READY = 14,
	HF_EDE_BLOCKED = 15,
	HF_EDE_PROHIBITED = 18,
	HF_EDE_STALE_NXDOMAIN = 19,
	HF_EDE_NOT_AUTHORITATIVE = 20,
	HF_EDE_NOT_SUPPORTED = 21,
	HF_EDE_NO_REACHABLE_AUTHORITY = 22,
	HF_EDE_NETWORK_ERROR = 23,
	HF_EDE_INVALID_DATA = 24,
};

#endif
