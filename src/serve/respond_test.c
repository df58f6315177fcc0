/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "serve/respond.h"

#include "meter/decision.h"
#include "serve/desk.h"

/* ---- what is no question ---- */

static void what_is_no_query_gets_no_answer(void **state)
{
	struct desk *d = *state;
	struct packet p = question("a.example", HF_TYPE_A);
	for (size_t len = 0; len < HF_HEADER_LEN; len++)
		assert_int_equal(hand_over(d, p.bytes, len), HF_RESPOND_SILENCE);
	p.bytes[2] |= 0x80; /* a reply: answering it could start a fight between servers */
	assert_int_equal(hand_over(d, p.bytes, p.len), HF_RESPOND_SILENCE);
	assert_int_equal(stage_counted(&d->stage, HF_COUNT_SILENCED), HF_HEADER_LEN + 1);
}

static void a_cut_packet_is_a_format_error_wherever_it_is_cut(void **state)
{
	struct desk *d = *state;
	struct packet p = question("a.example", HF_TYPE_A);
	add_opt(&p, 1232, 0);
	for (size_t len = HF_HEADER_LEN; len < p.len; len++) {
		struct packet cut = p;
		cut.len = len;
		assert_error(d, &cut, HF_RCODE_FORMERR);
	}
}

static void exactly_one_question_is_served(void **state)
{
	struct desk *d = *state;
	struct packet p = question("a.example", HF_TYPE_A);
	p.bytes[5] = 0;
	assert_error(d, &p, HF_RCODE_FORMERR);
	p.bytes[5] = 2;
	assert_error(d, &p, HF_RCODE_FORMERR);
	p.bytes[5] = 1;
	p.bytes[7] = 1; /* a record in answer */
	assert_error(d, &p, HF_RCODE_FORMERR);
}

static void other_opcodes_are_not_implemented(void **state)
{
	struct desk *d = *state;
	for (uint8_t opcode = 1; opcode < 16; opcode++) {
		struct packet p = question("a.example", HF_TYPE_A);
		p.bytes[2] = (uint8_t)(opcode << 3);
		assert_error(d, &p, HF_RCODE_NOTIMP);
		assert_int_equal(hf_message_opcode(d->reply), opcode);
		p.len = HF_HEADER_LEN;
		assert_error(d, &p, HF_RCODE_NOTIMP);
	}
}

static void an_edns_version_to_come_is_told_which_one_we_speak(void **state)
{
	struct desk *d = *state;
	struct packet p = question("a.example", HF_TYPE_A);
	add_opt(&p, 1232, 1u << 16);
	assert_error(d, &p, HF_RCODE_BADVERS);
	assert_true(d->view.edns.present);
	assert_int_equal(d->view.edns.version, 0);
	assert_echoes(d, &p);
}

static void a_second_opt_is_a_format_error(void **state)
{
	struct desk *d = *state;
	struct packet p = question("a.example", HF_TYPE_A);
	add_opt(&p, 1232, 0);
	add_opt(&p, 1232, 0);
	assert_error(d, &p, HF_RCODE_FORMERR);
}

/* ---- what is not served ---- */

static void strangers_are_refused(void **state)
{
	struct desk *d = *state;
	struct packet p = question("a.example", HF_TYPE_A);
	d->path.peer = stage_address("192.0.2.200:4000");
	assert_error(d, &p, HF_RCODE_REFUSED);
	assert_false(d->view.edns.present);
	assert_echoes(d, &p);
	add_opt(&p, 1232, 0);
	assert_error(d, &p, HF_RCODE_REFUSED);
	assert_true(d->view.edns.present);
	d->path.transport = HF_TRANSPORT_TCP; /* where no address can be forged */
	assert_int_equal(hand_over(d, p.bytes, p.len), HF_RESPOND_NOW);
	assert_int_equal(d->view.edns.ede, HF_EDE_PROHIBITED);
	assert_int_equal(stage_counted(&d->stage, HF_COUNT_REFUSED_CLIENT), 3);
}

static void transfers_and_other_classes_are_refused(void **state)
{
	static const uint16_t types[] = {HF_TYPE_AXFR, HF_TYPE_IXFR, HF_TYPE_TKEY, HF_TYPE_TSIG, 0};
	struct desk *d = *state;
	for (size_t i = 0; i < HF_COUNT_OF(types); i++) {
		struct packet p = question("a.example", types[i]);
		assert_error(d, &p, HF_RCODE_REFUSED);
	}
	struct packet p = question("version.bind", HF_TYPE_TXT);
	hf_put_u16(p.bytes + p.len - 2, HF_CLASS_CH);
	assert_error(d, &p, HF_RCODE_REFUSED);
	p = question("a.example", HF_TYPE_OPT);
	assert_error(d, &p, HF_RCODE_FORMERR);
}

static void who_does_not_desire_recursion_is_refused(void **state)
{
	struct desk *d = *state;
	struct packet p = question("a.example", HF_TYPE_A);
	p.bytes[2] = 0;
	assert_error(d, &p, HF_RCODE_REFUSED);
	assert_false(d->view.flags & HF_FLAG_RD);
}

static void any_over_udp_is_sent_to_tcp(void **state)
{
	struct desk *d = *state;
	struct packet p = question("a.example", HF_TYPE_ANY);
	assert_error(d, &p, HF_RCODE_NOERROR);
	assert_true(d->view.flags & HF_FLAG_TC);
	assert_echoes(d, &p);
	d->path.transport = HF_TRANSPORT_TCP;
	ask(d, &p);
	assert_int_equal(d->view.answers, 1);
}

/* ---- answers ---- */

static void localhost_never_leaves_the_house(void **state)
{
	struct desk *d = *state;
	struct packet p = question("localhost", HF_TYPE_A);
	add_opt(&p, 1232, 0);
	assert_int_equal(hand_over(d, p.bytes, p.len), HF_RESPOND_NOW);
	assert_int_equal(d->view.answers, 1);
	assert_echoes(d, &p);
	assert_true(d->view.edns.present);
	p = question("a.invalid", HF_TYPE_A);
	assert_int_equal(hand_over(d, p.bytes, p.len), HF_RESPOND_NOW);
	assert_int_equal(d->view.rcode, HF_RCODE_NXDOMAIN);
	assert_int_equal(d->stage.upstreams[0].asked, 0);
}

static void the_second_answer_comes_from_the_cache_with_less_time_to_live(void **state)
{
	struct desk *d = *state;
	struct packet p = question("a.example", HF_TYPE_A);
	assert_int_equal(hand_over(d, p.bytes, p.len), HF_RESPOND_LATER);
	assert_int_equal(hf_responder_pending(d->responder), 1);
	run(d, HF_SECOND);
	assert_int_equal(d->replies, 1);
	assert_echoes(d, &p);
	assert_int_equal(d->view.ttl_min, 300);
	assert_true(d->view.flags & HF_FLAG_RA && d->view.flags & HF_FLAG_RD);
	assert_false(d->view.edns.present);
	run(d, 100 * HF_SECOND);
	hf_put_u16(p.bytes, 0x7777);
	p.bytes[HF_HEADER_LEN + 1] ^= 0x20; /* another case, another id */
	assert_int_equal(hand_over(d, p.bytes, p.len), HF_RESPOND_NOW);
	assert_echoes(d, &p);
	assert_int_equal(d->view.id, 0x7777);
	assert_in_range(d->view.ttl_min, 198, 200);
	assert_int_equal(d->stage.upstreams[0].asked, 1);
}

static void a_group_is_answered_each_its_own_even_with_another_between(void **state)
{
	struct desk *d = *state;
	const struct packet known = question("a.example", HF_TYPE_A);
	struct packet packets[3] = {question("A.Example", HF_TYPE_A), known, known};
	struct hf_packet group[3];
	ask(d, &known);
	packets[1].len = 5; /* too short to be answered */
	packets[2].bytes[1] = 0x77;
	for (unsigned i = 0; i < 3; i++)
		group[i] = (struct hf_packet){d->path.transport, d->path.ctx, &d->path.peer,
			&d->path.local, packets[i].bytes, packets[i].len};
	const unsigned asked = d->stage.upstreams[0].asked;
	for (size_t i = 0; i < 3; i++)
		hf_respond_begin(d->responder, i, &group[i], hf_loop_now(d->stage.loops[0]));
	hf_respond_approach(d->responder, 3);
	for (unsigned i = 0; i < 3; i++) {
		const uint8_t *reply = NULL;
		size_t len = 0;
		enum hf_respond rc = hf_respond_finish(d->responder, i, d->out, &reply, &len);
		assert_int_equal(rc, i == 1 ? HF_RESPOND_SILENCE : HF_RESPOND_NOW);
		if (rc != HF_RESPOND_NOW)
			continue;
		take(d, reply, len);
		assert_int_equal(d->view.id, hf_get_u16(packets[i].bytes));
		assert_echoes(d, &packets[i]);
		ask(d, &known); /* as a connection does whose turn comes in between */
	}
	assert_int_equal(d->stage.upstreams[0].asked, asked);
}

static void a_name_that_does_not_exist_denies_its_other_types_and_all_below(void **state)
{
	struct desk *d = *state;
	struct packet p = question("gone.example", HF_TYPE_A);
	d->stage.upstreams[0].manner = STAGE_NXDOMAIN;
	ask(d, &p);
	assert_int_equal(d->view.rcode, HF_RCODE_NXDOMAIN);
	p = question("gone.example", HF_TYPE_AAAA);
	add_opt(&p, 1232, 0);
	assert_int_equal(hand_over(d, p.bytes, p.len), HF_RESPOND_NOW);
	assert_int_equal(d->view.rcode, HF_RCODE_NXDOMAIN);
	assert_echoes(d, &p);
	p = question("x.y.gone.example", HF_TYPE_A);
	assert_int_equal(hand_over(d, p.bytes, p.len), HF_RESPOND_NOW);
	assert_int_equal(d->view.rcode, HF_RCODE_NXDOMAIN);
	assert_int_equal(d->view.authorities, 1);
	assert_echoes(d, &p);
	assert_int_equal(d->stage.upstreams[0].asked, 1);
	assert_int_equal(stage_counted(&d->stage, HF_COUNT_CACHE_CUT_HITS), 1);
}

static void a_denial_from_above_that_does_not_fit_is_truncated(void **state)
{
	struct desk *d = *state;
	struct packet p = question("gone.example", HF_TYPE_A);
	d->stage.upstreams[0].manner = STAGE_NXDOMAIN;
	d->stage.upstreams[0].more = 800;
	ask(d, &p);
	assert_true(d->view.flags & HF_FLAG_TC);
	p = question("below.gone.example", HF_TYPE_A);
	hf_put_u16(p.bytes, 0x1111);
	assert_int_equal(hand_over(d, p.bytes, p.len), HF_RESPOND_NOW);
	assert_int_equal(d->view.id, 0x1111);
	assert_true(d->view.flags & HF_FLAG_TC);
	assert_echoes(d, &p);
	assert_true(d->len <= p.len);
	d->path.transport = HF_TRANSPORT_TCP;
	assert_int_equal(hand_over(d, p.bytes, p.len), HF_RESPOND_NOW);
	assert_int_equal(d->view.rcode, HF_RCODE_NXDOMAIN);
	assert_int_equal(d->view.authorities, 4);
	assert_int_equal(d->stage.upstreams[0].asked, 1);
}

static void a_large_denial_is_found_again_too(void **state)
{
	struct desk *d = *state;
	struct packet p = question("gone.example", HF_TYPE_A);
	d->path.transport = HF_TRANSPORT_TCP;
	d->stage.confs[0].channel = HF_CHANNEL_TCP;
	d->stage.upstreams[0].manner = STAGE_NXDOMAIN;
	d->stage.upstreams[0].more = 5000; /* more than a datagram's room */
	ask(d, &p);
	assert_true(d->len > 5000);
	d->stage.upstreams[0].manner = STAGE_SILENT;
	assert_int_equal(hand_over(d, p.bytes, p.len), HF_RESPOND_NOW);
	assert_int_equal(d->view.rcode, HF_RCODE_NXDOMAIN);
}

static void additional_records_go_before_an_answer_is_truncated(void **state)
{
	struct desk *d = *state;
	struct packet p = question("a.example", HF_TYPE_NS);
	d->stage.upstreams[0].extra = 800;
	ask(d, &p);
	for (int i = 0; i < 2; i++) { /* later and at once */
		assert_false(d->view.flags & HF_FLAG_TC);
		assert_int_equal(d->view.answers, 1);
		assert_int_equal(d->view.additionals, 0);
		assert_int_equal(hand_over(d, p.bytes, p.len), HF_RESPOND_NOW);
	}
	add_opt(&p, 4096, 0);
	d->listen.edns_size = 4096;
	ask(d, &p);
	assert_true(d->view.additionals > 3 && d->len > 512);
}

static void what_does_not_fit_is_truncated_at_the_clients_size_or_ours(void **state)
{
	static const struct {
		uint16_t theirs, ours, limit;
	} rows[] = {{0, 4096, 512}, {100, 4096, 512}, {1000, 4096, 1000}, {4096, 1232, 1232}};
	struct desk *d = *state;
	struct packet p = question("a.example", HF_TYPE_A);
	d->path.transport = HF_TRANSPORT_TCP;
	d->stage.upstreams[0].answer = 1300;
	ask(d, &p);
	size_t whole = d->len;
	assert_true(whole > 1300);
	d->path.transport = HF_TRANSPORT_UDP;
	for (size_t i = 0; i < HF_COUNT_OF(rows); i++) {
		struct packet sized = question("a.example", HF_TYPE_A);
		if (rows[i].theirs)
			add_opt(&sized, rows[i].theirs, 0);
		d->listen.edns_size = rows[i].ours;
		assert_int_equal(hand_over(d, sized.bytes, sized.len), HF_RESPOND_NOW);
		assert_true(d->view.flags & HF_FLAG_TC);
		assert_int_equal(d->view.answers, 0);
		assert_true(d->len <= rows[i].limit);
		assert_echoes(d, &sized);
	}
	add_opt(&p, (uint16_t)(whole + 11), 0);
	d->listen.edns_size = 4096;
	assert_int_equal(hand_over(d, p.bytes, p.len), HF_RESPOND_NOW);
	assert_false(d->view.flags & HF_FLAG_TC);
	assert_int_equal(d->len, whole + 11);
}

static void the_largest_message_passes_over_tcp(void **state)
{
	struct desk *d = *state;
	struct packet p = question("a.example", HF_TYPE_A);
	d->path.transport = HF_TRANSPORT_TCP;
	d->stage.upstreams[0].manner = STAGE_TRUNCATES;
	d->stage.upstreams[0].answer = 65000;
	ask(d, &p);
	assert_true(d->len > 65000);
	size_t whole = d->len;
	ask(d, &p);
	assert_int_equal(d->len, whole);
	assert_int_equal(d->stage.upstreams[0].asked_tcp, 1);
	/* Over UDP the same answer is known, and truncated. */
	d->path.transport = HF_TRANSPORT_UDP;
	assert_int_equal(hand_over(d, p.bytes, p.len), HF_RESPOND_NOW);
	assert_true(d->view.flags & HF_FLAG_TC);
	assert_true(d->len <= 512);
}

static void keepalive_is_told_over_tcp_only(void **state)
{
	struct desk *d = *state;
	for (int tcp = 0; tcp < 2; tcp++) {
		struct packet p = question("localhost", HF_TYPE_A);
		add_opt(&p, 1232, 0);
		p.bytes[p.len - 1] = 4; /* an empty keepalive option */
		hf_put_u16(p.bytes + p.len, HF_EDNS_KEEPALIVE);
		p.len += 4;
		d->path.transport = tcp ? HF_TRANSPORT_TCP : HF_TRANSPORT_UDP;
		assert_int_equal(hand_over(d, p.bytes, p.len), HF_RESPOND_NOW);
		assert_int_equal(d->view.edns.keepalive, tcp);
		if (tcp)
			assert_int_equal(hf_get_u16(d->reply + d->len - 2), 100);
	}
}

static void do_and_cd_make_questions_of_their_own(void **state)
{
	struct desk *d = *state;
	struct packet p = question("a.example", HF_TYPE_A);
	ask(d, &p);
	p.bytes[3] |= HF_FLAG_CD;
	ask(d, &p);
	assert_true(d->view.flags & HF_FLAG_CD);
	assert_true(d->stage.upstreams[0].last[3] & HF_FLAG_CD);
	p = question("a.example", HF_TYPE_A);
	add_opt(&p, 1232, HF_EDNS_DO);
	ask(d, &p);
	assert_true(d->view.edns.dnssec_ok);
	assert_int_equal(d->stage.upstreams[0].asked, 3);
}

/* ---- failures and bounds ---- */

static void a_failure_says_why_and_is_remembered_for_a_moment(void **state)
{
	struct desk *d = *state;
	struct packet p = question("a.example", HF_TYPE_A);
	add_opt(&p, 1232, 0);
	d->stage.upstreams[0].manner = d->stage.upstreams[1].manner = STAGE_SERVFAIL;
	assert_int_equal(hand_over(d, p.bytes, p.len), HF_RESPOND_LATER);
	run(d, 100 * HF_MS);
	assert_int_equal(d->replies, 1);
	assert_int_equal(d->view.rcode, HF_RCODE_SERVFAIL);
	assert_int_equal(d->view.edns.ede, HF_EDE_OTHER);
	assert_int_equal(hand_over(d, p.bytes, p.len), HF_RESPOND_NOW);
	assert_int_equal(d->view.edns.ede, HF_EDE_CACHED_ERROR);
	assert_echoes(d, &p);
	assert_int_equal(d->stage.upstreams[0].asked, 1);
	run(d, 2 * HF_SECOND);
	d->stage.upstreams[0].manner = STAGE_ANSWERS;
	ask(d, &p);
	assert_int_equal(d->view.rcode, HF_RCODE_NOERROR);
}

static int open_small_desk(void **state)
{
	return open_desk_of(state, 256);
}

static void past_a_bound_what_is_old_is_given_where_there_is_any(void **state)
{
	struct desk *d = *state;
	d->stage.cache_conf.stale = 86400 * HF_SECOND;
	d->stage.cache_conf.stale_ttl = 30 * HF_SECOND;
	struct packet old = question("a.example", HF_TYPE_A), p;
	assert_int_equal(hand_over(d, old.bytes, old.len), HF_RESPOND_LATER);
	run(d, 3600 * HF_SECOND);
	d->stage.upstreams[0].manner = STAGE_HOLDS;
	for (unsigned i = 0; i < 205; i++) {
		p = question("b.example", (uint16_t)(1000 + i));
		assert_int_equal(hand_over(d, p.bytes, p.len), HF_RESPOND_LATER);
	}
	assert_int_equal(hand_over(d, old.bytes, old.len), HF_RESPOND_NOW);
	assert_int_equal(d->view.rcode, HF_RCODE_NOERROR);
	assert_int_equal(d->view.answers, 1);
	assert_int_equal(stage_counted(&d->stage, HF_COUNT_OVERLOAD_STALE), 1);
	assert_int_equal(stage_counted(&d->stage, HF_COUNT_OVERLOAD), 0);
	p = question("c.example", HF_TYPE_A);
	assert_int_equal(hand_over(d, p.bytes, p.len), HF_RESPOND_NOW);
	assert_int_equal(d->view.rcode, HF_RCODE_SERVFAIL);
	stage_release(&d->stage.upstreams[0]);
	run(d, 10 * HF_SECOND);
}

static void past_a_clients_share_of_pending_questions_the_answer_is_servfail(void **state)
{
	struct desk *d = *state;
	d->stage.upstreams[0].manner = STAGE_HOLDS;
	for (unsigned i = 0; i < 205; i++) { /* n < 4 (256 - n) */
		struct packet p = question("a.example", (uint16_t)(1000 + i));
		assert_int_equal(hand_over(d, p.bytes, p.len), HF_RESPOND_LATER);
	}
	struct packet p = question("a.example", HF_TYPE_A);
	add_opt(&p, 1232, 0);
	assert_int_equal(hand_over(d, p.bytes, p.len), HF_RESPOND_NOW);
	assert_int_equal(d->view.rcode, HF_RCODE_SERVFAIL);
	assert_echoes(d, &p);
	assert_int_equal(stage_counted(&d->stage, HF_COUNT_OVERLOAD), 1);
	struct hf_address greedy = d->path.peer;
	d->path.peer = stage_address("10.1.1.2:4000");
	assert_int_equal(hand_over(d, p.bytes, p.len), HF_RESPOND_LATER); /* others find room */
	d->path.peer = greedy;
	assert_int_equal(hf_responder_pending(d->responder), 206);
	run(d, HF_MS);
	stage_release(&d->stage.upstreams[0]);
	run(d, HF_MS);
	assert_int_equal(d->replies, 207);
	assert_int_equal(hf_responder_pending(d->responder), 0);
	p = question("b.example", HF_TYPE_A);
	assert_int_equal(hand_over(d, p.bytes, p.len), HF_RESPOND_LATER);
}

/* Lines about questions that were turned away, and how many more these tell of. */
static unsigned lines_away(const struct desk *d, uint32_t *ret_unsaid)
{
	const struct hf_diary *diary = hf_worker_diary(d->stage.worker[0]);
	struct hf_diary_reader reader = hf_diary_oldest(diary);
	const struct hf_decision *line;
	unsigned lines = 0;
	*ret_unsaid = 0;
	while ((line = hf_diary_read(diary, &reader)))
		if (line->kind == HF_DECIDED_TURN_AWAY) {
			assert_int_equal(line->why, HF_AWAY_PENDING);
			assert_int_not_equal(line->client, 0);
			*ret_unsaid += line->unsaid;
			lines++;
		}
	return lines;
}

static void ask_for_many(struct desk *d, const char *name)
{
	for (unsigned i = 0; i < 305; i++) {
		struct packet p = question(name, (uint16_t)(1000 + i));
		hand_over(d, p.bytes, p.len);
	}
}

static void of_those_turned_away_a_few_a_second_leave_a_line(void **state)
{
	struct desk *d = *state;
	uint32_t unsaid;
	d->stage.upstreams[0].manner = STAGE_HOLDS;
	ask_for_many(d, "a.example");
	assert_int_equal(stage_counted(&d->stage, HF_COUNT_OVERLOAD), 100);
	assert_int_equal(lines_away(d, &unsaid), HF_DECIDED_AWAY_MOST);
	assert_int_equal(unsaid, 0);
	run(d, 1100 * HF_MS);
	ask_for_many(d, "b.example");
	assert_int_equal(lines_away(d, &unsaid), 2 * HF_DECIDED_AWAY_MOST);
	assert_int_equal(unsaid, 100 - HF_DECIDED_AWAY_MOST);
	stage_release(&d->stage.upstreams[0]);
	run(d, 10 * HF_SECOND);
}

static void the_world_cannot_make_it_crash(void **state)
{
	struct desk *d = *state;
	struct packet good = question("a.example", HF_TYPE_A);
	add_opt(&good, 1232, HF_EDNS_DO);
	for (unsigned i = 0; i < 20000; i++) {
		struct packet p = good;
		uint64_t dice = hf_sim_dice(d->stage.sim);
		for (unsigned n = dice % 4; n < 4; n++) {
			dice = hf_sim_dice(d->stage.sim);
			p.bytes[(dice >> 8) % p.len] = (uint8_t)dice;
		}
		if (dice >> 60 == 0)
			p.len = (dice >> 20) % (p.len + 1);
		d->path.transport = dice >> 50 & 1 ? HF_TRANSPORT_TCP : HF_TRANSPORT_UDP;
		(void)hand_over(d, p.bytes, p.len);
		if (i % 64 == 0)
			run(d, 10 * HF_MS);
	}
	run(d, 6 * HF_SECOND);
	assert_int_equal(hf_responder_pending(d->responder), 0);
}

#define AT_A_DESK(test) cmocka_unit_test_setup_teardown(test, open_desk, close_desk)

/* ---- TLS ---- */

static struct packet padded_question(const char *name, uint16_t type)
{
	struct packet p = question(name, type);
	add_opt(&p, 1232, 0);
	memcpy(p.bytes + p.len - 2, "\0\7\0\14\0\3\0\0\0", 9); /* three octets of padding */
	p.len += 7;
	return p;
}

static void who_pads_over_tls_is_padded_for_and_nobody_else(void **state)
{
	struct desk *d = *state;
	struct packet p = padded_question("a.example", HF_TYPE_A), plain = question("a.example", HF_TYPE_A);
	d->path.transport = HF_TRANSPORT_TLS;
	ask(d, &p); /* of an upstream */
	assert_int_equal(d->len, HF_REPLY_BLOCK);
	assert_true(d->view.edns.padding);
	ask(d, &p); /* from the cache */
	assert_int_equal(d->len, HF_REPLY_BLOCK);
	p = padded_question("a.example", HF_TYPE_AXFR); /* refused */
	ask(d, &p);
	assert_int_equal(d->len, HF_REPLY_BLOCK);
	assert_int_equal(d->view.rcode, HF_RCODE_REFUSED);
	ask(d, &plain);
	assert_true(d->len < 100);
	d->path.transport = HF_TRANSPORT_TCP;
	p = padded_question("a.example", HF_TYPE_A);
	ask(d, &p);
	assert_true(d->len < 100);
	assert_false(d->view.edns.padding);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		AT_A_DESK(what_is_no_query_gets_no_answer),
		AT_A_DESK(a_cut_packet_is_a_format_error_wherever_it_is_cut),
		AT_A_DESK(exactly_one_question_is_served),
		AT_A_DESK(other_opcodes_are_not_implemented),
		AT_A_DESK(an_edns_version_to_come_is_told_which_one_we_speak),
		AT_A_DESK(a_second_opt_is_a_format_error),
		AT_A_DESK(strangers_are_refused),
		AT_A_DESK(transfers_and_other_classes_are_refused),
		AT_A_DESK(who_does_not_desire_recursion_is_refused),
		AT_A_DESK(any_over_udp_is_sent_to_tcp),
		AT_A_DESK(localhost_never_leaves_the_house),
		AT_A_DESK(the_second_answer_comes_from_the_cache_with_less_time_to_live),
		AT_A_DESK(a_group_is_answered_each_its_own_even_with_another_between),
		AT_A_DESK(a_name_that_does_not_exist_denies_its_other_types_and_all_below),
		AT_A_DESK(a_denial_from_above_that_does_not_fit_is_truncated),
		AT_A_DESK(a_large_denial_is_found_again_too),
		AT_A_DESK(additional_records_go_before_an_answer_is_truncated),
		AT_A_DESK(what_does_not_fit_is_truncated_at_the_clients_size_or_ours),
		AT_A_DESK(the_largest_message_passes_over_tcp),
		AT_A_DESK(keepalive_is_told_over_tcp_only),
		AT_A_DESK(who_pads_over_tls_is_padded_for_and_nobody_else),
		AT_A_DESK(do_and_cd_make_questions_of_their_own),
		AT_A_DESK(a_failure_says_why_and_is_remembered_for_a_moment),
		cmocka_unit_test_setup_teardown(
			past_a_bound_what_is_old_is_given_where_there_is_any, open_small_desk,
			close_desk),
		cmocka_unit_test_setup_teardown(
			past_a_clients_share_of_pending_questions_the_answer_is_servfail,
			open_small_desk, close_desk),
		cmocka_unit_test_setup_teardown(
			of_those_turned_away_a_few_a_second_leave_a_line, open_small_desk,
			close_desk),
		AT_A_DESK(the_world_cannot_make_it_crash),
	};
	return cmocka_run_group_tests_name("respond", tests, NULL, NULL);
}
