# ParaFlow. Outputs go to $(B); `make V=1` shows the commands.
#
#   make            the seven programs        make install    DESTDIR= PREFIX=
#   make demo       real logs, then speed     make uninstall
#   make check      the tests                 make bench      against other engines
#   make lint       style and layers          make soak       the long tests
#   make asan       the tests, sanitized      make check-mutants
#   make check-engines  Spark, Flink, Paimon Java on our tables, and we on theirs
#   make check-loss kill everything, lose nothing
.DEFAULT_GOAL := all
B        ?= build
CC       ?= cc
CFLAGS   ?= -O3 -g
PREFIX   ?= /usr/local
BINDIR   ?= $(PREFIX)/bin
DATADIR  ?= $(PREFIX)/share
MANDIR   ?= $(DATADIR)/man
BASHDIR  ?= $(DATADIR)/bash-completion/completions
FISHDIR  ?= $(DATADIR)/fish/vendor_completions.d
# Debian's zsh looks into site-functions below /usr/local only.
ZSHDIR   ?= $(DATADIR)/zsh/$(if $(filter /usr,$(PREFIX)),vendor-completions,site-functions)
WARN     := -Wall -Wextra -Wconversion -Wshadow -Werror
ALL_CFLAGS = -std=c17 -D_GNU_SOURCE -Icommon -pthread $(WARN) $(CPPFLAGS) $(CFLAGS)
LIBS     := -ljansson -lyaml -lxxhash -lzstd -llz4 -lz -ldl -lm -pthread
SANITIZE := -O1 -g -fsanitize=address,undefined -fno-sanitize-recover=undefined -fno-omit-frame-pointer
JOBS     ?= $(shell nproc)
Q        := $(if $(V),,@)
SAY      = @$(if $(V),:,echo "  $(1)")

# One folder per layer, lowest first; tests/lint/layers checks the direction.
LAYERS   := base ext arrow text expr parquet store stage paimon keyed load query window cli app
LIB_SRC  := $(sort $(foreach layer,$(LAYERS),$(wildcard common/$(layer)/*.c)))
LIB_OBJ  := $(LIB_SRC:%.c=$(B)/%.o)
NAMES    := $(patsubst cmd/%.c,%,$(sort $(wildcard cmd/pf-*.c)))
PROGRAMS := $(NAMES:%=$(B)/%)
UNITS    := $(patsubst tests/unit/%.c,$(B)/unit/%,$(sort $(wildcard tests/unit/test_*.c)))
TOOLS    := $(patsubst tests/tools/%.c,$(B)/tools/%,$(sort $(wildcard tests/tools/*.c))) $(patsubst tests/preload/%.c,$(B)/preload/%.so,$(sort $(wildcard tests/preload/*.c)))
PAGES    := $(wildcard man/*.[1-8])

all: $(PROGRAMS)

$(B)/%.o: %.c
	@mkdir -p $(@D)
	$(call SAY,CC    $<)
	$(Q)$(CC) $(ALL_CFLAGS) -MMD -MP -c -o $@ $<

$(B)/libpf.a: $(LIB_OBJ)
	@rm -f $@
	$(Q)ar rcs $@ $^

define LINK
	@mkdir -p $(@D)
	$(call SAY,LINK  $@)
	$(Q)$(CC) $(ALL_CFLAGS) $(LDFLAGS) -o $@ $^ $(LIBS)
endef

$(B)/pf-%: $(B)/cmd/pf-%.o $(B)/libpf.a
	$(LINK)
$(B)/unit/%: $(B)/tests/unit/%.o $(B)/libpf.a
	$(LINK)
# Only this test compresses with snappy; common/ext/codec.c loads it when needed.
$(B)/unit/test_codec: LIBS += -lsnappy
$(B)/tools/kafka_mock: LIBS += -lrdkafka
$(B)/tools/%: $(B)/tests/tools/%.o $(B)/libpf.a
	$(LINK)

$(B)/preload/%.so: tests/preload/%.c
	@mkdir -p $(@D)
	$(call SAY,CC    $<)
	$(Q)$(CC) -std=gnu17 -D_GNU_SOURCE -O2 -Wall -Wextra -Werror -shared -fPIC -o $@ $< -ldl

units: $(UNITS)
tools: $(TOOLS)

# The programs' completions, from their option tables.
completions: $(PROGRAMS)
	@mkdir -p $(B)/completions/bash $(B)/completions/zsh $(B)/completions/fish
	$(Q)set -e; for p in $(NAMES); do \
		$(B)/$$p --help=bash > $(B)/completions/bash/$$p; \
		$(B)/$$p --help=zsh > $(B)/completions/zsh/_$$p; \
		$(B)/$$p --help=fish > $(B)/completions/fish/$$p.fish; done

# OPTIONS in man/*.1 and the table of error codes in man/pf.7.
man: $(PROGRAMS)
	$(Q)tests/tools/splice $(B) $(PAGES)

# These two are meant to be the first command ever typed: they install what
# is missing, then start over with everything in place.
demo:
	@tests/tools/need build demo
	@$(MAKE) --no-print-directory -j$(JOBS) B=$(B) all tools
	@examples/demo.sh $(B)

check:
	@tests/tools/need build check peers
	@[ -z "$$CI" ] || { tests/tools/need kafka && tests/engines/kafka.py install; } || :
	@$(MAKE) --no-print-directory -j$(JOBS) B=$(B) all units tools
	@tests/engines/install || :
	@tests/run $(B) check

lint:
	@tests/tools/need build check
	@$(MAKE) --no-print-directory -j$(JOBS) B=$(B) all tools
	@tests/run $(B) lint

asan:
	@tests/tools/need build check peers
	@$(MAKE) --no-print-directory -j$(JOBS) B=$(B)/asan CFLAGS="$(SANITIZE)" all units tools
	@PF_TEST_SECONDS=1500 tests/run $(B)/asan check

check-loss: kafka
kafka:
	@tests/tools/need kafka
	@tests/engines/kafka.py install

bench soak check-mutants check-loss: all tools
	@tests/tools/need check peers
	@tests/$(@:check-%=%)/run $(B)

# Other engines' own code on our tables. check runs it, too, where it can be
# installed; CI demands it.
check-engines:
	@tests/tools/need build check peers
	@$(MAKE) --no-print-directory -j$(JOBS) B=$(B) all
	@tests/engines/install
	@tests/run $(B) engines

install: all completions
	install -d $(DESTDIR)$(BINDIR) $(DESTDIR)$(BASHDIR) $(DESTDIR)$(ZSHDIR) $(DESTDIR)$(FISHDIR)
	install -m 755 $(PROGRAMS) $(DESTDIR)$(BINDIR)
	install -m 644 $(B)/completions/bash/* $(DESTDIR)$(BASHDIR)
	install -m 644 $(B)/completions/zsh/* $(DESTDIR)$(ZSHDIR)
	install -m 644 $(B)/completions/fish/* $(DESTDIR)$(FISHDIR)
	for page in $(PAGES); do \
		section=$(DESTDIR)$(MANDIR)/man$${page##*.}; \
		install -d $$section && install -m 644 $$page $$section || exit 1; done

uninstall:
	for p in $(NAMES); do \
		rm -f $(DESTDIR)$(BINDIR)/$$p $(DESTDIR)$(BASHDIR)/$$p \
			$(DESTDIR)$(ZSHDIR)/_$$p $(DESTDIR)$(FISHDIR)/$$p.fish; done
	for page in $(PAGES); do rm -f $(DESTDIR)$(MANDIR)/man$${page##*.}/$${page##*/}; done

clean:
	rm -rf $(B)

.PHONY: all units tools completions man demo check lint asan bench soak check-mutants check-loss check-engines kafka install uninstall clean
.SECONDARY:
-include $(shell find $(B) -name '*.d' 2>/dev/null)
