/* SPDX-License-Identifier: Apache-2.0 */
#include "base/timestamp.h"

#include <ctype.h>
#include <errno.h>
#include <stdbool.h>
#include <time.h>

#include "base/str.h"

/* Exactly `n` digits with a value from min to max; moves `at` behind them. */
static bool take_number(int *ret, const char **at, int n, int min, int max)
{
	int value = 0;

	for (; n > 0; n--, (*at)++) {
		if (!isdigit((unsigned char)**at))
			return false;
		value = value * 10 + (**at - '0');
	}
	*ret = value;
	return value >= min && value <= max;
}

static bool take_char(const char **at, char wanted)
{
	if (**at != wanted)
		return false;
	(*at)++;
	return true;
}

static bool take_date_and_time(struct tm *ret, const char **at)
{
	if (!take_number(&ret->tm_year, at, 4, 1970, 9999) || !take_char(at, '-') ||
		!take_number(&ret->tm_mon, at, 2, 1, 12) || !take_char(at, '-') ||
		!take_number(&ret->tm_mday, at, 2, 1, 31))
		return false;
	if (!take_char(at, 'T') || !take_number(&ret->tm_hour, at, 2, 0, 23) ||
		!take_char(at, ':') || !take_number(&ret->tm_min, at, 2, 0, 59) ||
		!take_char(at, ':') || !take_number(&ret->tm_sec, at, 2, 0, 59))
		return false;
	ret->tm_year -= 1900;
	ret->tm_mon--;
	return true;
}

static bool take_fraction(int64_t *ret_usec, const char **at)
{
	int64_t unit = 100000;

	*ret_usec = 0;
	if (!take_char(at, '.'))
		return true;
	if (!isdigit((unsigned char)**at))
		return false;
	for (; isdigit((unsigned char)**at); (*at)++, unit /= 10)
		*ret_usec += unit * (**at - '0');
	return true;
}

static bool take_zone(int *ret_minutes, const char **at)
{
	int sign = **at == '-' ? -1 : 1, hours, minutes;

	*ret_minutes = 0;
	if (take_char(at, 'Z'))
		return true;
	if (!take_char(at, '+') && !take_char(at, '-'))
		return false;
	if (!take_number(&hours, at, 2, 0, 23) || !take_char(at, ':') ||
		!take_number(&minutes, at, 2, 0, 59))
		return false;
	*ret_minutes = sign * (hours * 60 + minutes);
	return true;
}

static bool parse(int64_t *ret, const char *at)
{
	struct tm tm = {0};
	int64_t usec;
	int zone, day;

	if (!take_date_and_time(&tm, &at) || !take_fraction(&usec, &at) || !take_zone(&zone, &at) ||
		*at != '\0')
		return false;
	day = tm.tm_mday;
	*ret = ((int64_t)timegm(&tm) - (int64_t)zone * 60) * 1000000 + usec;
	return tm.tm_mday == day; /* timegm makes the 1st of March of the 30th of February */
}

int timestamp_parse(int64_t *ret, const char *text, struct err *e)
{
	char quoted[STR_QUOTED_SIZE];
	int64_t value;

	if (!parse(&value, text))
		return err_set(e, EINVAL, "%s is not a time such as 2026-01-31T08:15:00Z",
			str_quote(quoted, text));
	*ret = value;
	return 0;
}

const char *timestamp_format(char ret_buf[static TIMESTAMP_TEXT], int64_t usec)
{
	time_t seconds = (time_t)(usec / 1000000);
	struct tm tm;

	*ret_buf = 0;
	if (gmtime_r(&seconds, &tm))
		strftime(ret_buf, TIMESTAMP_TEXT, "%Y-%m-%dT%H:%M:%SZ", &tm);
	return ret_buf;
}
