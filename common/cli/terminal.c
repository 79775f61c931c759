/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/terminal.h"

#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "base/number.h"

bool pf_is_terminal(int fd)
{
	return isatty(fd) == 1;
}

static bool env_set(const char *name)
{
	const char *value = getenv(name);
	return value && *value;
}

bool pf_want_color(int fd, enum pf_color color)
{
	const char *force = getenv("CLICOLOR_FORCE"), *term = getenv("TERM");

	if (color != PF_COLOR_AUTO)
		return color == PF_COLOR_ALWAYS;
	if (env_set("NO_COLOR"))
		return false;
	if (force && *force && strcmp(force, "0"))
		return true;
	return pf_is_terminal(fd) && term && *term && strcmp(term, "dumb");
}

static int from_env(const char *name, int otherwise)
{
	const char *text = getenv(name);
	int64_t value;
	if (text && *text && !pf_parse_count(text, &value, NULL) && value > 0 &&
	    value < 100000)
		return (int)value;
	return otherwise;
}

int pf_terminal_width(int fd)
{
	struct winsize size;
	if (!ioctl(fd, TIOCGWINSZ, &size) && size.ws_col)
		return size.ws_col;
	return from_env("COLUMNS", 80);
}

int pf_terminal_height(int fd)
{
	struct winsize size;
	if (!ioctl(fd, TIOCGWINSZ, &size) && size.ws_row)
		return size.ws_row;
	return from_env("LINES", 24);
}
