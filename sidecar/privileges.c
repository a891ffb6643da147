/* SPDX-License-Identifier: Apache-2.0 */
#include "privileges.h"

#include <errno.h>
#include <sys/capability.h>

#include "base/log.h"
#include "base/mem.h"
#include "loop/confine.h"

static inline cap_t cap_free_t(cap_t c)
{
	cap_free(c);
	return NULL;
}
DEFINE_CLEANUP(cap_t, cap_free_t);

/* If we have it. */
static bool keep(cap_t wanted, cap_t now, cap_value_t value)
{
	cap_flag_value_t has = CAP_CLEAR;

	cap_get_flag(now, value, CAP_PERMITTED, &has);
	cap_set_flag(wanted, CAP_PERMITTED, 1, &value, has);
	cap_set_flag(wanted, CAP_EFFECTIVE, 1, &value, has);
	return has == CAP_SET;
}

int privileges_drop(bool with_raw, struct err *e)
{
	static const char *const names[] = {
		"none", "CAP_NET_ADMIN", "CAP_NET_RAW", "CAP_NET_ADMIN,CAP_NET_RAW"};
	CLEANUP(cap_free_tp) cap_t now = cap_get_proc();
	CLEANUP(cap_free_tp) cap_t wanted = cap_init();
	unsigned kept;
	int r;

	if (!now || !wanted)
		mem_exhausted();
	r = confine_gain_nothing(e);
	if (r < 0)
		return r;
	kept = keep(wanted, now, CAP_NET_ADMIN) ? 1 : 0;
	if (with_raw && keep(wanted, now, CAP_NET_RAW))
		kept |= 2;
	if (cap_set_proc(wanted) < 0)
		return err_errno(e, errno, "giving up capabilities");
	log_info("privileges.dropped", LOG_STR("kept", names[kept]));
	return 0;
}
