/* SPDX-License-Identifier: MIT */
#include "base/number.h"

#include "base/check.h"

bool hf_parse_u64(const char *text, size_t len, uint64_t max, uint64_t *ret)
{
	uint64_t value = 0;
	if (len == 0)
		return false;
	for (size_t i = 0; i < len; i++) {
		unsigned digit = (unsigned)(unsigned char)text[i] - '0';
		if (digit > 9 || value > (UINT64_MAX - digit) / 10)
			return false;
		value = value * 10 + digit;
	}
	if (value > max)
		return false;
	*ret = value;
	return true;
}

struct unit {
	const char *name;
	uint64_t factor;
};

/* Largest first: the text writers take the first that divides. */
static const struct unit durations[] = {
	{ "d", 86400000000 }, { "h", 3600000000 }, { "m", 60000000 },
	{ "s", 1000000 }, { "ms", 1000 }, { "us", 1 },
};

static const struct unit sizes[] = {
	{ "TiB", 1ull << 40 }, { "GiB", 1ull << 30 }, { "MiB", 1ull << 20 },
	{ "KiB", 1ull << 10 }, { "", 1 },
};

static const struct unit *find_unit(
	const struct unit *units, size_t count, const char *name, size_t len)
{
	for (size_t i = 0; i < count; i++)
		if (strlen(units[i].name) == len && memcmp(units[i].name, name, len) == 0)
			return &units[i];
	return NULL;
}

static size_t run_of(const char *text, size_t len, const char *set)
{
	size_t n = 0;
	while (n < len && text[n] && strchr(set, text[n]))
		n++;
	return n;
}

/* "1.5": whole part, and the fraction in millionths. */
static bool parse_decimal(const char *text, size_t len, uint64_t *ret_whole, uint64_t *ret_millionths)
{
	size_t whole_len = run_of(text, len, "0123456789");
	uint64_t fraction = 0;
	if (whole_len < len) {
		size_t digits = len - whole_len - 1;
		if (text[whole_len] != '.' || digits > 6 ||
			!hf_parse_u64(text + whole_len + 1, digits, 999999, &fraction))
			return false;
		for (; digits < 6; digits++)
			fraction *= 10;
	}
	if (!hf_parse_u64(text, whole_len, HF_DURATION_MAX, ret_whole))
		return false;
	*ret_millionths = fraction;
	return true;
}

bool hf_parse_duration(const char *text, size_t len, hf_us *ret)
{
	uint64_t total = 0, last_factor = UINT64_MAX;
	if (len == 1 && text[0] == '0') {
		*ret = 0;
		return true;
	}
	if (len == 0)
		return false;
	while (len) {
		size_t digits = run_of(text, len, "0123456789.");
		size_t letters = run_of(text + digits, len - digits, "dhmsu");
		uint64_t whole, millionths;
		const struct unit *unit =
			find_unit(durations, HF_COUNT_OF(durations), text + digits, letters);
		if (!unit || unit->factor >= last_factor ||
			!parse_decimal(text, digits, &whole, &millionths) ||
			whole > (uint64_t)HF_DURATION_MAX / unit->factor)
			return false;
		total += whole * unit->factor + millionths * unit->factor / 1000000;
		if (total > (uint64_t)HF_DURATION_MAX)
			return false;
		last_factor = unit->factor;
		text += digits + letters;
		len -= digits + letters;
	}
	*ret = (hf_us)total;
	return true;
}

bool hf_parse_size(const char *text, size_t len, uint64_t *ret)
{
	size_t digits = run_of(text, len, "0123456789");
	uint64_t value;
	const struct unit *unit =
		find_unit(sizes, HF_COUNT_OF(sizes), text + digits, len - digits);
	if (!unit || !hf_parse_u64(text, digits, UINT64_MAX / unit->factor, &value))
		return false;
	*ret = value * unit->factor;
	return true;
}

static const char *number_text(uint64_t value, const struct unit *unit, char *buf)
{
	while (value % unit->factor)
		unit++;
	snprintf(buf, HF_NUMBER_TEXT_MAX, "%llu%s",
		(unsigned long long)(value / unit->factor), unit->name);
	return buf;
}

const char *hf_duration_text(hf_us duration, char buf[static HF_NUMBER_TEXT_MAX])
{
	if (duration <= 0)
		return number_text(0, &durations[3], buf);
	return number_text((uint64_t)duration, durations, buf);
}

const char *hf_size_text(uint64_t size, char buf[static HF_NUMBER_TEXT_MAX])
{
	return number_text(size, size ? sizes : &sizes[HF_COUNT_OF(sizes) - 1], buf);
}
