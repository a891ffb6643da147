/* SPDX-License-Identifier: Apache-2.0 */
#include "sockets/filter.h"

#include <errno.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/prctl.h>
#include <sys/syscall.h>

#if defined(__x86_64__)
#define ARCH AUDIT_ARCH_X86_64
#elif defined(__aarch64__)
#define ARCH AUDIT_ARCH_AARCH64
#else
#define ARCH 0
#endif

/* After its start; what the C library asks for memory, locks and signals is here, too. */
static const uint16_t allowed[] = {
	SYS_accept4,
	SYS_bind,
	SYS_brk,
	SYS_clock_gettime,
	SYS_close,
	SYS_exit,
	SYS_exit_group,
	SYS_fstat,
	SYS_futex,
	SYS_geteuid,
	SYS_getsockopt,
	SYS_mmap,
	SYS_mprotect,
	SYS_munmap,
	SYS_newfstatat,
	SYS_restart_syscall,
	SYS_rt_sigprocmask,
	SYS_rt_sigreturn,
	SYS_sendmsg,
	SYS_socket,
	SYS_write,
	SYS_writev,
};

enum { N_ALLOWED = sizeof allowed / sizeof allowed[0], N_CODE = 3 + N_ALLOWED + 2 };

static struct sock_filter load(size_t offset)
{
	return (struct sock_filter)BPF_STMT(BPF_LD | BPF_W | BPF_ABS, (uint32_t)offset);
}

static struct sock_filter give(uint32_t verdict)
{
	return (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, verdict);
}

static struct sock_filter jump_if(uint32_t value, int yes, int no)
{
	return (struct sock_filter)BPF_JUMP(
		BPF_JMP | BPF_JEQ | BPF_K, value, (uint8_t)yes, (uint8_t)no);
}

static void build(struct sock_filter code[static N_CODE])
{
	*code++ = load(offsetof(struct seccomp_data, arch));
	*code++ = jump_if(ARCH, 0, 1 + N_ALLOWED);
	*code++ = load(offsetof(struct seccomp_data, nr));
	for (int i = 0; i < N_ALLOWED; i++)
		*code++ = jump_if(allowed[i], N_ALLOWED - i, 0);
	*code++ = give(SECCOMP_RET_ERRNO | EPERM);
	*code = give(SECCOMP_RET_ALLOW);
}

int filter_enter(struct err *e)
{
	struct sock_filter code[N_CODE];
	const struct sock_fprog program = {N_CODE, code};

	build(code);
	if (ARCH && prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program, 0, 0) < 0)
		return err_errno(e, errno, "forbidding system calls");
	return 0;
}
