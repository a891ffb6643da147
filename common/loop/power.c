/* SPDX-License-Identifier: Apache-2.0 */
#include "loop/power.h"

#include <errno.h>
#include <sys/capability.h>

#include "base/mem.h"
#include "loop/confine.h"

int power_give_up(struct err *e)
{
	cap_t none = cap_init();
	int r;

	if (!none)
		mem_exhausted();
	r = confine_gain_nothing(e);
	if (r >= 0 && cap_set_proc(none) < 0)
		r = err_errno(e, errno, "giving up capabilities");
	cap_free(none);
	return r;
}
