/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/signals.h"

#include <signal.h>
#include <stddef.h>
#include <string.h>
#include <unistd.h>

#include "base/tempfile.h"
#include "cli/pager.h"

enum { GRACE_SECONDS = 30, BRIEF_SECONDS = 2 };

static volatile sig_atomic_t graceful; /* seconds that are left then */
static volatile int stop_signal, cut_signal;

static void end_by(int signal_number)
{
	pf_tempfile_remove_all();
	pf_pager_wait_in_signal();
	signal(signal_number, SIG_DFL);
	raise(signal_number);
	/* The signal is blocked while its handler runs: let it through. */
	sigset_t set;
	sigemptyset(&set);
	sigaddset(&set, signal_number);
	sigprocmask(SIG_UNBLOCK, &set, NULL);
}

static void on_signal(int signal_number)
{
	if (signal_number == SIGALRM)
		end_by(stop_signal ? stop_signal : SIGTERM);
	else if (graceful && !stop_signal &&
		 (signal_number == SIGINT || signal_number == SIGTERM)) {
		stop_signal = signal_number;
		if (graceful == BRIEF_SECONDS)
			cut_signal = signal_number;
		alarm((unsigned)graceful);
	} else {
		end_by(signal_number);
	}
}

void pf_signals_install(void)
{
	static const int handled[] = { SIGINT, SIGTERM, SIGHUP, SIGPIPE, SIGALRM };
	struct sigaction sa, old;

	memset(&sa, 0, sizeof(sa));
	sa.sa_handler = on_signal;
	sigemptyset(&sa.sa_mask);
	for (size_t i = 0; i < sizeof(handled) / sizeof(handled[0]); i++) {
		/* nohup and background jobs ignore these on purpose. */
		if ((handled[i] == SIGHUP || handled[i] == SIGINT) &&
		    !sigaction(handled[i], NULL, &old) && old.sa_handler == SIG_IGN)
			continue;
		sigaction(handled[i], &sa, NULL);
	}
}

void pf_signals_graceful(void)
{
	graceful = GRACE_SECONDS;
}

void pf_signals_brief(void)
{
	if (!graceful)
		graceful = BRIEF_SECONDS;
}

void pf_signals_raise_again(void)
{
	if (stop_signal)
		end_by(stop_signal);
}

bool pf_stopping(void)
{
	return stop_signal != 0;
}

const volatile int *pf_stop_flag(void)
{
	return &stop_signal;
}

bool pf_signals_are_brief(void)
{
	return graceful == BRIEF_SECONDS;
}

const volatile int *pf_cut_flag(void)
{
	return &cut_signal;
}
