/* SPDX-License-Identifier: MIT */
/* sip.h - the steps of SipHash-1-3, for whoever makes words of what he hashes.
 *
 * hf_sip_begin, hf_sip_absorb for each word, hf_sip_end. The standard's last word has the
 * octets that are left in its low end and the length of everything, in octets, in its top
 * one. hash.h does all that; here it stands apart because programs in the kernel hash, too
 * (xdp/xdp_map.h): it includes nothing, and only adds, shifts and xors.
 * Words are the machine's own; octets are little-endian in them.
 * Threads: pure. */
#ifndef HF_BASE_SIP_H
#define HF_BASE_SIP_H

#define HF_SIP static inline __attribute__((always_inline))

struct hf_sip {
	unsigned long long a, b, c, d; /* v0 to v3 of the paper */
};

HF_SIP unsigned long long hf_sip_turn(unsigned long long x, unsigned b)
{
	return x << b | x >> (64 - b);
}

HF_SIP void hf_sip_round(struct hf_sip *s)
{
	s->a += s->b;
	s->b = hf_sip_turn(s->b, 13) ^ s->a;
	s->a = hf_sip_turn(s->a, 32);
	s->c += s->d;
	s->d = hf_sip_turn(s->d, 16) ^ s->c;
	s->a += s->d;
	s->d = hf_sip_turn(s->d, 21) ^ s->a;
	s->c += s->b;
	s->b = hf_sip_turn(s->b, 17) ^ s->c;
	s->c = hf_sip_turn(s->c, 32);
}

HF_SIP void hf_sip_begin(struct hf_sip *s, unsigned long long k0, unsigned long long k1)
{
	s->a = k0 ^ 0x736f6d6570736575u;
	s->b = k1 ^ 0x646f72616e646f6du;
	s->c = k0 ^ 0x6c7967656e657261u;
	s->d = k1 ^ 0x7465646279746573u;
}

HF_SIP void hf_sip_absorb(struct hf_sip *s, unsigned long long word)
{
	s->d ^= word;
	hf_sip_round(s);
	s->a ^= word;
}

HF_SIP unsigned long long hf_sip_end(struct hf_sip *s)
{
	s->c ^= 0xff;
	hf_sip_round(s);
	hf_sip_round(s);
	hf_sip_round(s);
	return s->a ^ s->b ^ s->c ^ s->d;
}

#endif
