/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <pthread.h>
#include <signal.h>
#include <stddef.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/stat.h>
#include <unistd.h>

#include "authority/authority.h"
#include "base/check.h"
#include "base/error.h"
#include "face/agent.h"
#include "face/control.h"
#include "face/gate.h"
#include "face/given.h"
#include "face/hint.h"
#include "face/hooks.h"
#include "face/http.h"
#include "face/inbox.h"
#include "face/recent.h"
#include "face/status.h"
#include "face/verbs.h"
#include "face/version.h"
#include "keep/keeper.h"
#include "loop/loop_epoll.h"
#include "sight/events.h"
#include "xdp/xdp.h"

#define EVENTS_EVERY (200 * HF_MS)         /* soon enough for people, rare enough to cost nothing */
#define HOUSEKEEPING_EVERY HF_SECOND
#define PATIENCE_MIN (3 * HF_SECOND)       /* workers turn once a second */
#define LISTED_MAX 8                       /* addresses and upstreams named in one line */

struct tick { /* something to do every so often */
	struct hf_timer timer; /* first: fire gets the tick from it */
	struct run *run;
	hf_us every;
	void (*what)(struct run *run, hf_us now);
};

struct run {
	const struct hf_call *call;
	struct hf_instance instance;
	struct hf_notify notify;
	struct hf_given given;
	struct hf_log *log;
	struct hf_loop *loop;
	struct hf_control *control;
	struct hf_inbox inbox; /* what workers found out for us */
	struct hf_http *http;
	struct hf_agent *agent;
	int signals;
	char *complaints; /* about the configuration, until there is a log */
	struct tick events, watchdog, housekeeping, readiness, prefault;
	struct hf_timer linger;
	pthread_t drainer;
	bool drainer_began;
	size_t unanswered; /* written by the drainer, read once it has been joined */
};

/* ---- what is done while serving ---- */

static bool slot_name(void *ctx, unsigned slot, char *buf, size_t size)
{
	return hf_server_slot_name(ctx, slot, buf, size);
}

static void say_events(struct run *run, hf_us now)
{
	struct hf_server *server = run->instance.server;
	const struct hf_slot_names names = { .name = slot_name, .ctx = server };
	for (size_t w = 0; w < hf_server_workers(server); w++)
		hf_events_say(hf_server_events(server, w), run->log, &names, now);
	if (hf_server_keeper_events(server))
		hf_events_say(hf_server_keeper_events(server), run->log, &names, now);
	if (hf_server_authority(server))
		hf_events_say(hf_authority_events(hf_server_authority(server)), run->log, &names, now);
	hf_log_turn(run->log, now, hf_event_kind_name);
}

static void prefault(struct run *run, hf_us now)
{
	(void)now;
	hf_server_prefault(run->instance.server);
}

static void keep_house(struct run *run, hf_us now)
{
	char *text = NULL;
	size_t len;
	FILE *out = open_memstream(&text, &len);
	(void)now;
	if (!out)
		return;
	if (!run->drainer_began) /* else the server is the drainer's */
		hf_server_tick(run->instance.server, out);
	if (fclose(out) == 0 && len)
		hf_log_lines(run->log, HF_LOG_WARNING, text);
	free(text);
}

/* The weightiest reason, and how many there are besides. */
static void say_readiness(struct run *run, const struct hf_ready_view *view)
{
	const struct hf_reason *worst = hf_look_worst(&view->look);
	const struct hf_log_field fields[] = {
		HF_LOG_TEXT_FIELD(view->ready ? NULL : "because", worst ? worst->text : "unknown"),
		HF_LOG_NUMBER_FIELD("reasons", view->look.reason_count + view->look.left_out),
		{.key = NULL},
	};
	hf_log_say(run->log, view->ready || view->draining ? HF_LOG_INFO : HF_LOG_WARNING,
		view->ready ? "ready" : "not ready", fields);
}

static void tell_hooks(struct run *run, const struct hf_ready_view *view)
{
	char *text = NULL;
	size_t len;
	FILE *out = open_memstream(&text, &len);
	if (out)
		hf_ready_write_reasons(view, out);
	bool whole = out && fclose(out) == 0;
	hf_hooks_want(&run->instance.hooks, view->ready ? HF_HOOK_READY : HF_HOOK_WITHDRAW,
		whole ? text : "");
	free(text);
}

static void look(struct run *run, hf_us now)
{
	struct hf_ready_view view;
	if (!hf_instance_look(&run->instance, now, hf_loop_wall(run->loop)))
		return;
	hf_ready_read(&run->instance.ready, &view);
	say_readiness(run, &view);
	tell_hooks(run, &view);
}

/* Silence is the message: a worker that hangs gets the process restarted. */
static void pat_watchdog(struct run *run, hf_us now)
{
	hf_us patience = run->notify.watchdog / 2;
	if (hf_instance_alive(&run->instance, now, patience > PATIENCE_MIN ? patience : PATIENCE_MIN))
		hf_notify_watchdog(&run->notify);
}

static void fire_tick(struct hf_timer *timer, hf_us now)
{
	struct tick *tick = (struct tick *)timer;
	tick->what(tick->run, now);
	hf_timer_arm(hf_loop_timers(tick->run->loop), timer, now + tick->every);
}

static void begin_tick(struct run *run, struct tick *tick, hf_us every,
	void (*what)(struct run *run, hf_us now))
{
	*tick = (struct tick){ .timer.fire = fire_tick, .run = run, .every = every, .what = what };
	hf_timer_arm(hf_loop_timers(run->loop), &tick->timer, hf_loop_now(run->loop) + every);
}

/* Reloads; the text goes to the log and, if there is one, to who asked. */
static int reload(struct run *run, FILE *asker)
{
	char *text = NULL;
	size_t len;
	FILE *out = open_memstream(&text, &len);
	if (!out)
		return HF_EXIT_UNREACHED;
	const struct hf_config *before = run->instance.config;
	int status = hf_instance_reload(&run->instance, out);
	bool good = status == HF_EXIT_GOOD, taken = run->instance.config != before;
	if (taken)
		hf_lookout_adopt(run->instance.lookout, run->instance.config);
	if (fclose(out) == 0) {
		hf_log_lines(run->log, good ? HF_LOG_WARNING : HF_LOG_ERROR, text);
		if (asker)
			fputs(text, asker);
	}
	free(text);
	if (asker)
		fputs(taken ? "reloaded\n" : "not reloaded: the configuration stays as it was\n",
			asker);
	hf_log_say(run->log, good ? HF_LOG_INFO : HF_LOG_ERROR,
		good    ? "configuration reloaded"
		: taken ? "configuration reloaded, and zones that were answered are not any more"
			: "reload refused, the configuration stays as it was",
		NULL);
	return status;
}

static void log_status(struct run *run)
{
	char *text = NULL;
	size_t len;
	FILE *out = open_memstream(&text, &len);
	if (!out)
		return;
	hf_status_write_text(&run->instance, hf_loop_now(run->loop), out);
	if (fclose(out) == 0)
		hf_log_lines(run->log, HF_LOG_INFO, text);
	free(text);
}

/* ---- the end ---- */

/* A thread of its own, so that signals, the watchdog and the pages still work
 * while the last questions are answered. From here on nobody else touches the
 * server but its readers. */
static void *drain(void *ctx)
{
	struct run *run = ctx;
	struct hf_config *config = hf_instance_config(&run->instance);
	run->unanswered = hf_server_drain(run->instance.server, config->process.drain);
	hf_config_unref(config);
	hf_loop_stop(run->loop);
	return NULL;
}

static void begin_to_drain(struct run *run)
{
	run->drainer_began = pthread_create(&run->drainer, NULL, drain, run) == 0;
	if (!run->drainer_began)
		hf_loop_stop(run->loop);
}

static void lingered(struct hf_timer *timer, hf_us now)
{
	(void)now;
	begin_to_drain((struct run *)((char *)timer - offsetof(struct run, linger)));
}

/* It has been told that clients are to be led away; whoever asks has to hear it, too. */
static void linger(struct run *run)
{
	hf_us longest = run->instance.config->ready.linger;
	run->linger.fire = lingered;
	if (longest)
		hf_timer_arm(hf_loop_timers(run->loop), &run->linger, hf_loop_now(run->loop) + longest);
	else
		begin_to_drain(run);
}

/* Clients are led away first: until that has been told we go on serving all of them. */
static void begin_to_stop(struct run *run)
{
	hf_log_say(run->log, HF_LOG_INFO, "stopping: answering what was asked", NULL);
	hf_notify_stopping(&run->notify, "answering what was asked");
	atomic_store(&run->instance.draining, true);
	look(run, hf_loop_now(run->loop));
	if (!hf_hooks_busy(&run->instance.hooks))
		linger(run);
}

static void hooks_settled(void *ctx)
{
	struct run *run = ctx;
	if (atomic_load(&run->instance.draining) && !run->drainer_began &&
		!hf_timer_armed(&run->linger))
		linger(run);
}

static void stop_at_once(struct run *run)
{
	hf_log_say(run->log, HF_LOG_WARNING, "stopped at once, as asked to twice", NULL);
	hf_control_abandon(run->control);
	_exit(HF_EXIT_FAULT);
}

static void signal_came(void *ctx, int fd, hf_us now)
{
	struct run *run = ctx;
	struct signalfd_siginfo info;
	(void)now;
	if (read(fd, &info, sizeof info) != sizeof info)
		return;
	if (info.ssi_signo == SIGHUP)
		reload(run, NULL);
	else if (info.ssi_signo == SIGUSR1)
		log_status(run);
	else if (atomic_load(&run->instance.draining))
		stop_at_once(run);
	else
		begin_to_stop(run);
}

/* ---- requests on the control socket ---- */

static int request_reload(void *ctx, const char *argument, FILE *out)
{
	(void)argument;
	return reload(ctx, out);
}

static int request_status(void *ctx, const char *argument, FILE *out)
{
	struct run *run = ctx;
	hf_us now = hf_loop_now(run->loop);
	int error = strcmp(argument, "json") == 0 ?
		hf_status_write_json(&run->instance, now, out) :
		hf_status_write_text(&run->instance, now, out);
	return error ? HF_EXIT_UNREACHED : HF_EXIT_GOOD;
}

static int request_ready(void *ctx, const char *argument, FILE *out)
{
	struct run *run = ctx;
	struct hf_ready_view view;
	hf_ready_read(&run->instance.ready, &view);
	int error = 0;
	if (strcmp(argument, "json") == 0)
		error = hf_ready_write_json(&view, hf_loop_now(run->loop), out);
	else
		hf_ready_write_text(&view, out);
	return error ? HF_EXIT_UNREACHED : view.ready ? HF_EXIT_GOOD : HF_EXIT_FAULT;
}

static int request_explain(
	void *ctx, const char *argument, const struct hf_control_asker *asker, FILE *out)
{
	struct run *run = ctx;
	if (!atomic_load(&run->instance.draining))
		return hf_inbox_explain(&run->inbox, run->instance.server, argument, asker, out);
	fprintf(out, "holdfast is stopping\n");
	return HF_EXIT_UNREACHED;
}

static int request_decisions(void *ctx, const char *argument, FILE *out)
{
	struct run *run = ctx;
	struct hf_recent_wish wish;
	if (!hf_recent_read(&run->instance, argument, &wish, out))
		return HF_EXIT_USAGE;
	return hf_recent_write(&run->instance, &wish, hf_loop_now(run->loop), out);
}

static const struct hf_control_request requests[] = {
	{"decisions",
		"what was decided lately: `decisions [json] [upstream=|route=|name=|client=|last=]`",
		request_decisions},
	{"explain", "the story of one answer: `explain NAME [TYPE] [ask] [json]`", NULL,
		request_explain},
	{"ready", "whether clients may be sent here; `ready json` for programs", request_ready},
	{"reload", "read the configuration again", request_reload},
	{"status", "how it is; `status json` for programs", request_status},
	{NULL, NULL, NULL},
};

/* ---- stages: each begins after those above it, and ends before them ---- */

static int tell(struct run *run, const char *what, const char *where, int error)
{
	const struct hf_log_field fields[] = {
		HF_LOG_TEXT_FIELD("at", where),
		HF_LOG_TEXT_FIELD("error", hf_strerror(error)),
		{ .key = NULL },
	};
	hf_log_say(run->log, HF_LOG_ERROR, what, fields);
	const char *hint = hf_hint(error);
	if (hint)
		hf_log_say(run->log, HF_LOG_ERROR, hint, NULL);
	return HF_EXIT_UNREACHED;
}

/* What is odd about a good file goes to the log that it describes; faults to who typed it. */
static int begin_config(struct run *run)
{
	size_t len;
	FILE *out = open_memstream(&run->complaints, &len);
	if (!out)
		return HF_EXIT_UNREACHED;
	int error = hf_instance_init(&run->instance, run->call->flags.config, out);
	if (fclose(out) != 0 || !error)
		return error ? HF_EXIT_USAGE : HF_EXIT_GOOD;
	fputs(run->complaints, run->call->err);
	free(run->complaints);
	run->complaints = NULL;
	return HF_EXIT_USAGE;
}

static void end_config(struct run *run)
{
	free(run->complaints);
	hf_instance_clear(&run->instance);
}

static int64_t wall(void *ctx)
{
	return hf_loop_wall(ctx);
}

static int begin_loop_and_log(struct run *run)
{
	if (hf_loop_epoll_new(&run->loop) < 0) {
		fprintf(run->call->err, "holdfast: no event loop can be had from the system\n");
		return HF_EXIT_UNREACHED;
	}
	const struct hf_log_to to = { .fd = STDERR_FILENO, .journal = getenv("JOURNAL_STREAM") != NULL,
		.wall = wall, .wall_ctx = run->loop };
	if (hf_log_new(&to, &run->instance.config->log, &run->log) < 0)
		return HF_EXIT_UNREACHED;
	if (run->complaints)
		hf_log_lines(run->log, HF_LOG_WARNING, run->complaints);
	run->instance.log = run->log;
	run->instance.notify = &run->notify;
	run->instance.started = hf_clock_now();
	run->instance.started_wall = hf_loop_wall(run->loop);
	hf_inbox_init(&run->inbox, run->loop, run->log);
	return HF_EXIT_GOOD;
}

static void end_loop_and_log(struct run *run)
{
	hf_inbox_clear(&run->inbox);
	hf_log_free(run->log);
	hf_loop_free(run->loop);
}

/* Signals are for the main thread's loop only: they are blocked before there
 * are other threads, which inherit that. */
static int begin_signals(struct run *run)
{
	sigset_t set;
	sigemptyset(&set);
	sigaddset(&set, SIGHUP);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGINT);
	sigaddset(&set, SIGUSR1);
	signal(SIGPIPE, SIG_IGN);
	pthread_sigmask(SIG_BLOCK, &set, NULL);
	run->signals = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
	int error = run->signals < 0 ? -errno : hf_loop_watch(run->loop, run->signals, signal_came, run);
	return error ? tell(run, "signals cannot be received", "signalfd", error) : HF_EXIT_GOOD;
}

static void end_signals(struct run *run)
{
	if (run->signals < 0)
		return;
	hf_loop_watch(run->loop, run->signals, NULL, NULL);
	close(run->signals);
}

/* Every connection is a descriptor: take as many as we may. */
static void raise_limits(void)
{
	struct rlimit limit;
	if (getrlimit(RLIMIT_NOFILE, &limit) < 0)
		return;
	limit.rlim_cur = limit.rlim_max;
	setrlimit(RLIMIT_NOFILE, &limit);
}

static int begin_environment(struct run *run)
{
	char *text = NULL;
	size_t len;
	raise_limits();
	int error = hf_notify_from_environment(&run->notify);
	if (error)
		hf_log_say(run->log, HF_LOG_WARNING, "NOTIFY_SOCKET cannot be used, ignoring it", NULL);
	FILE *out = open_memstream(&text, &len);
	if (!out)
		return HF_EXIT_UNREACHED;
	hf_given_from_environment(&run->given, out);
	if (fclose(out) == 0)
		hf_log_lines(run->log, HF_LOG_WARNING, text);
	free(text);
	return HF_EXIT_GOOD;
}

static void end_environment(struct run *run)
{
	hf_notify_close(&run->notify);
}

static bool is_default_path(const char *path)
{
	struct hf_config *built_in;
	FILE *nowhere = fopen("/dev/null", "w");
	if (!nowhere)
		return false;
	bool same = false;
	if (hf_config_load(NULL, NULL, nowhere, &built_in) == 0) {
		same = strcmp(built_in->process.control, path) == 0;
		hf_config_unref(built_in);
	}
	fclose(nowhere);
	return same;
}

/* Opens the socket; a folder that is not there is made, as far as one level. */
static int open_control(struct run *run, const char *path)
{
	int error = hf_control_open(run->loop, path, requests, run, &run->control);
	const char *slash = strrchr(path, '/');
	if (error != -ENOENT || !slash || slash == path)
		return error;
	char folder[256];
	snprintf(folder, sizeof folder, "%.*s", (int)(slash - path), path);
	if (mkdir(folder, 0755) < 0)
		return errno == EEXIST ? error : -errno;
	return hf_control_open(run->loop, path, requests, run, &run->control);
}

static int begin_control(struct run *run)
{
	const char *path = run->instance.config->process.control;
	int error = open_control(run, path);
	run->inbox.control = run->control;
	if (!error)
		return HF_EXIT_GOOD;
	if (error == -EADDRINUSE) {
		const struct hf_log_field at[] = { HF_LOG_TEXT_FIELD("at", path), { .key = NULL } };
		hf_log_say(run->log, HF_LOG_ERROR, "another holdfast runs: it answers at the control socket",
			at);
		return HF_EXIT_UNREACHED;
	}
	bool optional = (error == -ENOENT || error == -EACCES || error == -EROFS || error == -EPERM) &&
			is_default_path(path);
	if (!optional)
		return tell(run, "the control socket cannot be opened", path, error);
	const struct hf_log_field fields[] = {
		HF_LOG_TEXT_FIELD("at", path),
		HF_LOG_TEXT_FIELD("error", hf_strerror(error)),
		{ .key = NULL },
	};
	hf_log_say(run->log, HF_LOG_WARNING,
		"no control socket: `holdfast reload` and `status` will not work, SIGHUP does", fields);
	return HF_EXIT_GOOD;
}

static void end_control(struct run *run)
{
	run->inbox.control = NULL;
	hf_control_close(run->control);
}

/* A descriptor that can be read once we are told to stop. The signal stays where it is. */
static int told_to_stop(void)
{
	sigset_t set;
	sigemptyset(&set);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGINT);
	return signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
}

static int begin_gate(struct run *run)
{
	int interrupt = told_to_stop();
	int status = hf_gate_pass(run->instance.config, interrupt, run->log, &run->notify);
	if (interrupt >= 0)
		close(interrupt);
	return status;
}

static void end_gate(struct run *run)
{
	(void)run;
}

/* "132044 answers from PATH" and what became of the rest. */
static void say_loaded(struct run *run, const char *path)
{
	struct hf_keeper_figures figures;
	if (!path || !hf_server_keeper_figures(run->instance.server, &figures))
		return;
	const struct hf_keep_loaded *l = &figures.loaded;
	char age[48] = "unknown";
	if (l->gap >= 0)
		snprintf(age, sizeof age, "%lld.%lld s", (long long)(l->gap / HF_SECOND),
			(long long)(l->gap / (HF_SECOND / 10) % 10));
	const struct hf_log_field fields[] = {
		HF_LOG_NUMBER_FIELD("answers", l->entries),
		HF_LOG_TEXT_FIELD("from", path),
		HF_LOG_TEXT_FIELD("old", age),
		HF_LOG_NUMBER_FIELD("dropped_too_old", l->too_old),
		HF_LOG_NUMBER_FIELD("dropped_rerouted", l->rerouted),
		HF_LOG_NUMBER_FIELD("dropped_disbelieved", l->disbelieved),
		HF_LOG_NUMBER_FIELD("dropped_damaged", l->damaged),
		HF_LOG_NUMBER_FIELD("damaged_places", l->faults),
		HF_LOG_NUMBER_FIELD("upstreams", l->upstreams),
		HF_LOG_NUMBER_FIELD("paths", l->paths),
		{.key = NULL},
	};
	hf_log_say(run->log, HF_LOG_INFO, "the cache has been put back", fields);
	if (l->clock_back)
		hf_log_say(run->log, HF_LOG_WARNING,
			"the wall clock shows less than when the cache was written: all of it counts as past its TTL",
			NULL);
}

static int begin_server(struct run *run)
{
	char path[512];
	char *text = NULL;
	size_t len;
	FILE *out = open_memstream(&text, &len);
	if (!out)
		return HF_EXIT_UNREACHED;
	struct hf_settings settings = hf_instance_settings(run->instance.config);
	settings.persist = hf_instance_persist(run->instance.config, path, sizeof path);
	int error = hf_server_start(&settings, run->given.sockets, run->given.count, out,
		&run->instance.server);
	if (fclose(out) == 0)
		hf_log_lines(run->log, error ? HF_LOG_ERROR : HF_LOG_WARNING, text);
	free(text);
	if (!error)
		say_loaded(run, settings.persist);
	return error ? tell(run, "the server cannot start", run->instance.config->source, error) :
		       HF_EXIT_GOOD;
}

static void end_server(struct run *run)
{
	hf_server_free(run->instance.server);
}

/* Before any page says so, and whatever a process before us has left behind: clients are
 * not to be sent here yet. */
static int begin_readiness(struct run *run)
{
	struct hf_ready_view view;
	struct hf_hooks *hooks = &run->instance.hooks;
	hf_hooks_init(hooks, run->loop, run->log, &run->instance.config->ready);
	hooks->settled = hooks_settled;
	hooks->ctx = run;
	look(run, hf_loop_now(run->loop));
	hf_ready_read(&run->instance.ready, &view);
	if (!view.ready)
		tell_hooks(run, &view);
	return HF_EXIT_GOOD;
}

static void end_readiness(struct run *run)
{
	hf_hooks_clear(&run->instance.hooks);
}

/* Before the pages, which show what it sees. */
static int begin_lookout(struct run *run)
{
	int error = hf_lookout_start(run->instance.config, run->log, &run->instance.lookout);
	return error ? tell(run, "zones cannot be looked at from outside", "a thread", error)
		     : HF_EXIT_GOOD;
}

static void end_lookout(struct run *run)
{
	hf_lookout_stop(run->instance.lookout);
}

static int begin_http(struct run *run)
{
	char text[HF_ADDRESS_TEXT_MAX];
	const struct hf_address *address = &run->instance.config->listen.http;
	if (!hf_address_set(address))
		return HF_EXIT_GOOD;
	int error = hf_http_start(&run->instance, address, &run->http);
	return error ? tell(run, "listen.http cannot be served", hf_address_text(address, text), error) :
		       HF_EXIT_GOOD;
}

static void end_http(struct run *run)
{
	hf_http_stop(run->http);
}

static int begin_agent(struct run *run)
{
	char text[HF_ADDRESS_TEXT_MAX];
	const struct hf_address *address = &run->instance.config->ready.agent;
	if (!hf_address_set(address))
		return HF_EXIT_GOOD;
	int error = hf_agent_open(run->loop, address, &run->instance.ready, &run->agent);
	return error ? tell(run, "ready.agent cannot be served", hf_address_text(address, text), error)
		     : HF_EXIT_GOOD;
}

static void end_agent(struct run *run)
{
	hf_agent_close(run->agent);
}

static const struct {
	int (*begin)(struct run *run); /* an enum hf_exit */
	void (*end)(struct run *run);  /* also after a begin that failed */
} stages[] = {
	{begin_config, end_config},
	{begin_loop_and_log, end_loop_and_log},
	{begin_environment, end_environment},
	{begin_signals, end_signals},
	{begin_control, end_control},
	{begin_gate, end_gate},
	{begin_server, end_server},
	{begin_readiness, end_readiness},
	{begin_lookout, end_lookout},
	{begin_http, end_http},
	{begin_agent, end_agent},
};

/* ---- serving ---- */

static void list_addresses(
	const struct hf_address_list *list, const char *kind, struct hf_text *text)
{
	char address[HF_ADDRESS_TEXT_MAX];
	for (size_t i = 0; i < list->count && i < LISTED_MAX; i++)
		hf_text_add(text, "%s%s", i ? ", " : "", hf_address_text(&list->items[i], address));
	if (list->count > LISTED_MAX)
		hf_text_add(text, " and %zu more", list->count - LISTED_MAX);
	hf_text_add(text, " (%s), ", kind);
}

static void list_upstreams(const struct hf_forward_conf *forward, struct hf_text *text)
{
	for (size_t i = 0; i < forward->upstream_count && i < LISTED_MAX; i++)
		hf_text_add(text, "%s%s", i ? ", " : "", forward->upstreams[i].name);
	if (forward->upstream_count > LISTED_MAX)
		hf_text_add(text, " and %zu more", forward->upstream_count - LISTED_MAX);
}

static void list_drivers(const struct hf_server *server, struct hf_text *text)
{
	struct hf_xdp_figures figures;
	if (!hf_server_xdp_figures(server, &figures))
		return;
	for (size_t d = 0; d < figures.door_count; d++)
		hf_text_add(text, "%s%s (%s%s)", d ? ", " : ", xdp at ", figures.doors[d].name,
			figures.doors[d].why ? "not: " : "",
			figures.doors[d].why      ? figures.doors[d].why
			: figures.doors[d].native ? "native"
						  : "generic");
}

static void say_serving(struct run *run)
{
	const struct hf_config *config = run->instance.config;
	char http[HF_ADDRESS_TEXT_MAX] = "none";
	struct hf_text text = hf_text(HF_LOG_LINE_MAX / 2);
	hf_text_add(&text, "serving ");
	list_addresses(&config->listen.dns, "udp, tcp", &text);
	if (config->listen.tls.count)
		list_addresses(&config->listen.tls, "tls", &text);
	hf_text_add(&text, "%zu workers, upstreams ", hf_server_workers(run->instance.server));
	list_upstreams(&config->forward, &text);
	list_drivers(run->instance.server, &text);
	hf_text_add(&text, ", configuration %s", config->source);
	if (run->http) {
		struct hf_address address = hf_http_address(run->http);
		hf_address_text(&address, http);
	}
	const struct hf_log_field fields[] = {
		HF_LOG_TEXT_FIELD("version", hf_version()),
		HF_LOG_TEXT_FIELD("http", http),
		HF_LOG_NUMBER_FIELD("given_sockets", run->given.count),
		{ .key = NULL },
	};
	if (!text.overrun)
		hf_log_say(run->log, HF_LOG_INFO, text.bytes, fields);
	hf_notify_ready(&run->notify, text.bytes ? text.bytes : "serving");
	hf_text_clear(&text);
}

static int serve(struct run *run)
{
	begin_tick(run, &run->events, EVENTS_EVERY, say_events);
	begin_tick(run, &run->housekeeping, HOUSEKEEPING_EVERY, keep_house);
	begin_tick(run, &run->readiness, HF_READY_EVERY, look);
	begin_tick(run, &run->prefault, HF_PREFAULT_EVERY, prefault);
	if (run->notify.watchdog)
		begin_tick(run, &run->watchdog, run->notify.watchdog / 2, pat_watchdog);
	say_serving(run);
	hf_inbox_verify(&run->inbox, run->instance.server, run->instance.config);
	int error = hf_loop_run(run->loop);
	if (run->drainer_began)
		pthread_join(run->drainer, NULL);
	say_events(run, hf_clock_now());
	const struct hf_log_field fields[] = {
		HF_LOG_NUMBER_FIELD("unanswered", run->unanswered),
		{ .key = NULL },
	};
	hf_log_say(run->log, run->unanswered ? HF_LOG_WARNING : HF_LOG_INFO, "stopped", fields);
	return error ? tell(run, "the main loop failed", "epoll", error) : HF_EXIT_GOOD;
}

static int run(const struct hf_call *call)
{
	struct run *run = calloc(1, sizeof *run);
	if (!run)
		return HF_EXIT_UNREACHED;
	run->call = call;
	run->signals = -1;
	run->notify.fd = -1;
	size_t begun = 0;
	int status = HF_EXIT_GOOD;
	while (status == HF_EXIT_GOOD && begun < HF_COUNT_OF(stages))
		status = stages[begun++].begin(run);
	if (status == HF_EXIT_GOOD)
		status = serve(run);
	while (begun)
		stages[--begun].end(run);
	free(run);
	return status;
}

static const struct hf_flag_row flags[] = { HF_FLAG_CONFIG, HF_FLAG_END };

const struct hf_verb hf_cmd_run = {
	.name = "run",
	.help = "Serve DNS until told to stop.",
	.more = "SIGHUP reloads, SIGTERM and SIGINT answer what was asked and stop (twice: at once),\n"
		"SIGUSR1 logs the status.",
	.flags = flags,
	.run = run,
};
