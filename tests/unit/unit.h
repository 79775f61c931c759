/* SPDX-License-Identifier: Apache-2.0
 *
 * Sixty lines of unit testing. A test program is a list of functions:
 *
 *   TEST(name) { CHECK(1 + 1 == 2); CHECK_INT(f(3), 9); }
 *   UNIT_MAIN(CASE(name), CASE(other))
 *
 * A failed check prints where and marks the case failed; the case goes on.
 * Prints TAP, which tests/run adds up. An argument is the only case to run.
 */
#ifndef PF_TESTS_UNIT_H
#define PF_TESTS_UNIT_H

#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

static int unit_failures;

#define TEST(name) static void test_##name(void)
#define CASE(name) { #name, test_##name }

#define CHECK(cond) \
	unit_check((cond), __FILE__, __LINE__, "%s", #cond)
#define CHECK_INT(got, want) \
	unit_check_int((int64_t)(got), (int64_t)(want), __FILE__, __LINE__, #got)
#define CHECK_STR(got, want) \
	unit_check_str((got), (want), __FILE__, __LINE__, #got)
/* A call that must succeed; prints its error message. */
#define CHECK_OK(call, err)                                              \
	unit_check((call) == 0, __FILE__, __LINE__, "%s: %s", #call,     \
		   (err)->message)

#define unit_check(ok, file, line, ...)                    \
	do {                                               \
		if (!(ok)) {                               \
			unit_failures++;                   \
			printf("# %s:%d: ", file, line);   \
			printf(__VA_ARGS__);               \
			printf("\n");                      \
		}                                          \
	} while (0)

static inline void unit_check_int(int64_t got, int64_t want, const char *file,
				  int line, const char *what)
{
	unit_check(got == want, file, line, "%s is %" PRId64 ", not %" PRId64,
		   what, got, want);
}

static inline void unit_check_str(const char *got, const char *want,
				  const char *file, int line, const char *what)
{
	unit_check(got && !strcmp(got, want), file, line, "%s is '%s', not '%s'",
		   what, got ? got : "(null)", want);
}

struct unit_case {
	const char *name;
	void (*run)(void);
};

static inline int unit_run(const struct unit_case *cases, int n, const char *only)
{
	int failed = 0, ran = 0;
	/* What a case said must outlive its crash. */
	setvbuf(stdout, NULL, _IOLBF, 0);
	printf("1..%d\n", only ? 1 : n);
	for (int i = 0; i < n; i++) {
		if (only && strcmp(only, cases[i].name) != 0)
			continue;
		ran++;
		unit_failures = 0;
		cases[i].run();
		failed += unit_failures > 0;
		printf("%sok %d %s\n", unit_failures ? "not " : "", i + 1,
		       cases[i].name);
	}
	return failed > 0 || !ran;
}

#define UNIT_MAIN(...)                                                    \
	int main(int argc, char **argv)                                   \
	{                                                                 \
		static const struct unit_case cases[] = { __VA_ARGS__ };  \
		return unit_run(cases, (int)(sizeof cases / sizeof *cases), \
				argc > 1 ? argv[1] : NULL);               \
	}

#endif
