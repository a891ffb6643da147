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

int privileges_drop(struct err *e)
{
	static const cap_value_t kept[] = {CAP_NET_ADMIN};
	CLEANUP(cap_free_tp) cap_t now = cap_get_proc();
	CLEANUP(cap_free_tp) cap_t wanted = cap_init();
	cap_flag_value_t has = CAP_CLEAR;
	int r;

	if (!now || !wanted)
		mem_exhausted();
	r = confine_gain_nothing(e);
	if (r < 0)
		return r;
	cap_get_flag(now, CAP_NET_ADMIN, CAP_PERMITTED, &has);
	cap_set_flag(wanted, CAP_PERMITTED, 1, kept, has);
	cap_set_flag(wanted, CAP_EFFECTIVE, 1, kept, has);
	if (cap_set_proc(wanted) < 0)
		return err_errno(e, errno, "giving up capabilities");
	log_info("privileges.dropped", LOG_STR("kept", has ? "CAP_NET_ADMIN" : "none"));
	return 0;
}
