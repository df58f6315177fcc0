/* SPDX-License-Identifier: GPL-3.0-or-later */
/* log_conf.h - what an operator may say about the log. */
#ifndef HF_SIGHT_LOG_CONF_H
#define HF_SIGHT_LOG_CONF_H

enum hf_log_level { HF_LOG_ERROR, HF_LOG_WARNING, HF_LOG_INFO, HF_LOG_DEBUG };
enum hf_log_format { HF_LOG_TEXT, HF_LOG_JSON };

struct hf_log_conf { /* `log:` */
	int level;   /* enum hf_log_level: this one and all that are worse */
	int format;  /* enum hf_log_format */
};

#endif
