/* SPDX-License-Identifier: Apache-2.0 */
#include "load/workers.h"

#include <pthread.h>
#include <stdlib.h>

#include "base/alloc.h"

enum { MAX_THREADS = 64 };

/* A job in the queue, oldest first. */
struct entry {
	struct pf_encode_job *job;
	size_t cost_bytes;
	bool taken, finished;
	struct entry *next;
};

struct pf_workers {
	const struct pf_encode_plan *plan;
	const struct pf_spill *spill;
	pf_job_done_fn *done;
	void *ctx;
	size_t budget_bytes;
	int threads;
	struct pf_encode_room *room; /* the caller's, of one thread */
	pthread_t ids[MAX_THREADS];
	int started;
	/* below: guarded by lock */
	pthread_mutex_t lock;
	pthread_cond_t work, finished;
	struct entry *first, *last;
	size_t cost_bytes;
	int n;
	bool stop;
};

static struct entry *next_untaken(struct pf_workers *w)
{
	struct entry *e = w->first;
	while (e && e->taken)
		e = e->next;
	return e;
}

static void *work(void *arg)
{
	struct pf_workers *w = arg;
	struct pf_encode_room *room = pf_encode_room_new();
	pthread_mutex_lock(&w->lock);
	for (;;) {
		struct entry *e;
		while (!(e = next_untaken(w)) && !w->stop)
			pthread_cond_wait(&w->work, &w->lock);
		if (w->stop)
			break;
		e->taken = true;
		pthread_mutex_unlock(&w->lock);
		pf_encode_run(w->plan, w->spill, room, e->job);
		pthread_mutex_lock(&w->lock);
		e->finished = true;
		pthread_cond_signal(&w->finished);
	}
	pthread_mutex_unlock(&w->lock);
	pf_encode_room_free(room);
	return NULL;
}

int pf_workers_new(int threads, size_t budget_bytes,
		   const struct pf_encode_plan *plan, const struct pf_spill *spill,
		   pf_job_done_fn *done, void *ctx, struct pf_workers **workers,
		   struct pf_error *err)
{
	struct pf_workers *w = pf_zalloc(1, sizeof *w);
	*w = (struct pf_workers){
		.plan = plan,
		.spill = spill,
		.done = done,
		.ctx = ctx,
		.budget_bytes = budget_bytes,
		.threads = threads > MAX_THREADS ? MAX_THREADS : threads,
	};
	if (w->threads <= 1)
		w->room = pf_encode_room_new();
	pthread_mutex_init(&w->lock, NULL);
	pthread_cond_init(&w->work, NULL);
	pthread_cond_init(&w->finished, NULL);
	for (; w->threads > 1 && w->started < w->threads; w->started++) {
		int e = pthread_create(&w->ids[w->started], NULL, work, w);
		if (e) {
			pf_fail_errno(err, PF_E_LIMIT, e, "cannot start a thread");
			pf_workers_free(w);
			return PF_E_LIMIT;
		}
	}
	*workers = w;
	return 0;
}

static struct entry *pop(struct pf_workers *w)
{
	struct entry *e = w->first;
	w->first = e->next;
	if (!w->first)
		w->last = NULL;
	w->cost_bytes -= e->cost_bytes;
	w->n--;
	return e;
}

void pf_workers_free(struct pf_workers *w)
{
	if (!w)
		return;
	pthread_mutex_lock(&w->lock);
	w->stop = true;
	pthread_cond_broadcast(&w->work);
	pthread_mutex_unlock(&w->lock);
	for (int i = 0; i < w->started; i++)
		pthread_join(w->ids[i], NULL);
	while (w->first) {
		struct entry *e = pop(w);
		pf_encode_job_free(w->plan, e->job);
		free(e);
	}
	pthread_cond_destroy(&w->work);
	pthread_cond_destroy(&w->finished);
	pthread_mutex_destroy(&w->lock);
	pf_encode_room_free(w->room);
	free(w);
}

static int deliver(struct pf_workers *w, struct pf_encode_job *job,
		   struct pf_error *err)
{
	int code = job->code;
	if (code && err)
		*err = job->error;
	if (!code)
		code = w->done(w->ctx, job, err);
	pf_encode_job_free(w->plan, job);
	return code;
}

/* Deliver the oldest job once it has finished. */
static int deliver_oldest(struct pf_workers *w, struct pf_error *err)
{
	pthread_mutex_lock(&w->lock);
	while (!w->first->finished)
		pthread_cond_wait(&w->finished, &w->lock);
	struct entry *e = pop(w);
	pthread_mutex_unlock(&w->lock);
	int code = deliver(w, e->job, err);
	free(e);
	return code;
}

int pf_workers_submit(struct pf_workers *w, struct pf_encode_job *job,
		      size_t cost_bytes, struct pf_error *err)
{
	if (w->threads <= 1) {
		pf_encode_run(w->plan, w->spill, w->room, job);
		return deliver(w, job, err);
	}
	/* n and cost_bytes change in this thread only. */
	while (w->n && (w->n >= 2 * w->threads ||
			w->cost_bytes + cost_bytes > w->budget_bytes)) {
		int code = deliver_oldest(w, err);
		if (code) {
			pf_encode_job_free(w->plan, job);
			return code;
		}
	}
	struct entry *e = pf_zalloc(1, sizeof *e);
	e->job = job;
	e->cost_bytes = cost_bytes;
	pthread_mutex_lock(&w->lock);
	if (w->last)
		w->last->next = e;
	else
		w->first = e;
	w->last = e;
	w->cost_bytes += cost_bytes;
	w->n++;
	pthread_cond_signal(&w->work);
	pthread_mutex_unlock(&w->lock);
	return 0;
}

int pf_workers_drain(struct pf_workers *w, struct pf_error *err)
{
	while (w->n)
		PF_TRY(deliver_oldest(w, err));
	return 0;
}
