/* SPDX-License-Identifier: Apache-2.0 */
#include "stage/syncer.h"

#include <pthread.h>
#include <signal.h>
#include <stdlib.h>

#include "base/alloc.h"
#include "base/fault.h"
#include "base/file.h"

struct pf_syncer {
	pthread_mutex_t lock;
	pthread_cond_t changed;
	pthread_t thread;
	bool running, stop, busy;
	int fd, dir_fd;
	const char *name;
	int64_t offset, durable;
	struct pf_error failed; /* code 0: nothing */
};

static int sync_files(int fd, int dir_fd, const char *name, struct pf_error *err)
{
	pf_crash_point("X5");
	PF_TRY(pf_fdatasync(fd, name, err));
	if (dir_fd >= 0) {
		pf_crash_point("X6");
		PF_TRY(pf_fsync(dir_fd, name, err));
	}
	pf_crash_point("X2");
	return 0;
}

static void *work(void *arg)
{
	struct pf_syncer *s = arg;
	pthread_mutex_lock(&s->lock);
	for (;;) {
		while (!s->busy && !s->stop)
			pthread_cond_wait(&s->changed, &s->lock);
		if (!s->busy)
			break;
		int fd = s->fd, dir_fd = s->dir_fd;
		const char *name = s->name;
		struct pf_error err = { 0 };
		pthread_mutex_unlock(&s->lock);
		int code = sync_files(fd, dir_fd, name, &err);
		pthread_mutex_lock(&s->lock);
		if (code)
			s->failed = err;
		else if (!s->failed.code)
			s->durable = s->offset;
		s->busy = false;
		pthread_cond_broadcast(&s->changed);
	}
	pthread_mutex_unlock(&s->lock);
	return NULL;
}

struct pf_syncer *pf_syncer_new(void)
{
	struct pf_syncer *s = pf_zalloc(1, sizeof *s);
	pthread_mutex_init(&s->lock, NULL);
	pthread_cond_init(&s->changed, NULL);
	return s;
}

void pf_syncer_free(struct pf_syncer *s)
{
	if (!s)
		return;
	if (s->running) {
		pthread_mutex_lock(&s->lock);
		s->stop = true;
		pthread_cond_broadcast(&s->changed);
		pthread_mutex_unlock(&s->lock);
		pthread_join(s->thread, NULL);
	}
	pthread_cond_destroy(&s->changed);
	pthread_mutex_destroy(&s->lock);
	free(s);
}

/* Signals belong to the main thread. */
static bool start_thread(struct pf_syncer *s)
{
	sigset_t all, old;
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &old);
	s->running = pthread_create(&s->thread, NULL, work, s) == 0;
	pthread_sigmask(SIG_SETMASK, &old, NULL);
	return s->running;
}

void pf_syncer_start(struct pf_syncer *s, int fd, int dir_fd, const char *name,
		     int64_t offset)
{
	bool threaded = s->running || start_thread(s);
	pthread_mutex_lock(&s->lock);
	s->fd = fd;
	s->dir_fd = dir_fd;
	s->name = name;
	s->offset = offset;
	if (threaded) {
		s->busy = true;
		pthread_cond_broadcast(&s->changed);
	} else if (!s->failed.code && !sync_files(fd, dir_fd, name, &s->failed)) {
		s->durable = offset;
	}
	pthread_mutex_unlock(&s->lock);
}

int pf_syncer_wait(struct pf_syncer *s, struct pf_error *err)
{
	pthread_mutex_lock(&s->lock);
	while (s->busy)
		pthread_cond_wait(&s->changed, &s->lock);
	int code = s->failed.code;
	if (code && err)
		*err = s->failed;
	pthread_mutex_unlock(&s->lock);
	return code;
}

bool pf_syncer_busy(struct pf_syncer *s)
{
	pthread_mutex_lock(&s->lock);
	bool busy = s->busy;
	pthread_mutex_unlock(&s->lock);
	return busy;
}

int64_t pf_syncer_durable(struct pf_syncer *s)
{
	pthread_mutex_lock(&s->lock);
	int64_t durable = s->durable;
	pthread_mutex_unlock(&s->lock);
	return durable;
}

void pf_syncer_set_durable(struct pf_syncer *s, int64_t offset)
{
	pthread_mutex_lock(&s->lock);
	s->durable = offset;
	pthread_mutex_unlock(&s->lock);
}
