/* SPDX-License-Identifier: GPL-3.0-or-later */
/* command.h - one program, its verbs as rows.
 *
 * Story: `holdfast VERB [FLAGS] [WORDS]`. A verb is a row in a file of its own
 * (cmd_run.c ...): what it is called, what it takes, which flags, and the
 * function that does it. Parsing, `holdfast --help`, `holdfast VERB --help` and
 * `holdfast doc verbs` all read the rows. A flag or verb that nobody knows gets
 * the nearest known one as a suggestion.
 * Ownership: rows are const; a call's words point into argv.
 * Threads: main, before there are others. */
#ifndef HF_FACE_COMMAND_H
#define HF_FACE_COMMAND_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

enum hf_exit { /* what every verb exits with */
	HF_EXIT_GOOD = 0,
	HF_EXIT_FAULT = 1,     /* it found a fault */
	HF_EXIT_USAGE = 2,     /* wrong usage or configuration */
	HF_EXIT_UNREACHED = 3, /* it could not reach, or get, what it needs */
};

struct hf_flags { /* what the flags of all verbs fill in */
	const char *config; /* -c FILE */
	const char *socket; /* -s SOCKET */
	bool print;         /* -p */
	bool json;          /* --json */
	const char *seed;   /* --seed N */
	const char *seeds;  /* --seeds N */
	bool trace;         /* --trace */
	const char *world;  /* --world N */
	const char *worlds; /* --worlds A..B */
	const char *jobs;   /* --jobs N */
	const char *minutes; /* --minutes N */
	const char *keep;   /* --keep FOLDER */
	bool live;          /* --live */
	bool no_host;       /* --no-host */
	bool no_ask;        /* --no-ask */
	bool standalone;    /* --standalone */
	const char *junit;  /* --junit FILE */
	const char *deadline; /* --deadline DURATION */
	const char *root;     /* --root FOLDER */
	const char *wait;     /* --wait DURATION */
	const char *without;  /* --without PROVIDER */
	const char *upstream; /* --upstream UPSTREAM */
	const char *route;    /* --route ZONE */
	const char *client;   /* --client ADDRESS */
	const char *last;     /* --last N */
};

struct hf_flag_row { /* a row; ends with a row without a name */
	const char *name;   /* long form, without "--" */
	char letter;        /* short form, or 0 */
	const char *value;  /* "FILE": it takes a value (const char *); NULL: it sets a bool */
	size_t at;          /* offsetof in struct hf_flags */
	const char *help;   /* one sentence with a full stop */
};

/* Rows that several verbs share. */
#define HF_FLAG_CONFIG { "config", 'c', "FILE", offsetof(struct hf_flags, config), \
	"Configuration file; without it the built-in defaults." }
#define HF_FLAG_SOCKET { "socket", 's', "SOCKET", offsetof(struct hf_flags, socket), \
	"Control socket of the running holdfast." }
#define HF_FLAG_JSON { "json", 0, NULL, offsetof(struct hf_flags, json), \
	"Print JSON, for programs." }
#define HF_FLAG_END { NULL, 0, NULL, 0, NULL }

struct hf_program;

struct hf_call {
	const struct hf_program *program;
	struct hf_flags flags;
	char *const *words; /* what is left after the flags */
	size_t word_count;
	FILE *out, *err;
};

struct hf_verb {
	const char *name;
	const char *words;    /* "FILE...", for the usage line; NULL: takes none */
	size_t words_min, words_max;
	const char *help;     /* one sentence with a full stop, a line */
	const char *more;     /* further lines for `VERB --help`, or NULL */
	const struct hf_flag_row *flags;
	int (*run)(const struct hf_call *call); /* an enum hf_exit */
};

struct hf_program {
	const char *name;
	const char *help;
	const struct hf_verb *const *verbs; /* ends with NULL */
};

/* Reads the command line and does what it says. argv may be reordered. The
 * return is the process's exit status. */
int hf_command(const struct hf_program *program, int argc, char **argv, FILE *out, FILE *err);

#endif
