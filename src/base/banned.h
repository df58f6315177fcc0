/* SPDX-License-Identifier: MIT */
/* banned.h - calls that do not compile here, each with what to use instead.
 * Break a ban only by #undef beside a comment that says why. */
#ifndef HF_BASE_BANNED_H
#define HF_BASE_BANNED_H

/* System headers first: some declare the names that are poisoned below. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/time.h>
#include <time.h>

#define HF_BANNED(name) hf_##name##_is_banned_see_banned_h

#define strcpy(a, b) HF_BANNED(strcpy)   /* snprintf, memcpy with a bound */
#define strcat(a, b) HF_BANNED(strcat)   /* hf_writer */
#define strncpy(a, b, n) HF_BANNED(strncpy)
#define strncat(a, b, n) HF_BANNED(strncat)
#define sprintf(...) HF_BANNED(sprintf)  /* snprintf, hf_writer */
#define vsprintf(...) HF_BANNED(vsprintf)
#define strtok(a, b) HF_BANNED(strtok)   /* keeps hidden state */
#define atoi(a) HF_BANNED(atoi)          /* hf_parse_u64: says when text is no number */
#define atol(a) HF_BANNED(atol)
#define rand() HF_BANNED(rand)           /* dice come through the loop's door */
#define random() HF_BANNED(random)
#define gmtime(a) HF_BANNED(gmtime)      /* gmtime_r */
#define localtime(a) HF_BANNED(localtime)
#define gettimeofday(a, b) HF_BANNED(gettimeofday) /* time is passed down as `now` */
#ifndef HF_MAY_READ_THE_CLOCK /* loop/ defines it: the one door for time */
#define time(a) HF_BANNED(time)
#define clock_gettime(a, b) HF_BANNED(clock_gettime)
#endif

#endif
