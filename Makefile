# ParaFlow. Outputs go to $(B); `make V=1` shows the commands.
.DEFAULT_GOAL := all
B        ?= build
CC       ?= cc
PREFIX   ?= /usr/local
CFLAGS   ?= -O2 -g
WARN     := -Wall -Wextra -Wconversion -Wshadow -Wno-missing-field-initializers -Werror
PKGS     := libzstd liblz4 zlib jansson yaml-0.1 libxxhash
ALL_CFLAGS = -std=c17 -D_GNU_SOURCE -Icommon -pthread $(WARN) $(CFLAGS) $(shell pkg-config --cflags $(PKGS))
LIBS     = $(shell pkg-config --libs $(PKGS)) -lsnappy -lm -pthread
Q        := $(if $(V),,@)

LIB_SRC  := $(sort $(wildcard common/*/*.c))
LIB_OBJ  := $(LIB_SRC:%.c=$(B)/%.o)
PROGRAMS := $(patsubst cmd/%.c,$(B)/%,$(sort $(wildcard cmd/pf-*.c)))
UNITS    := $(patsubst tests/unit/%.c,$(B)/unit/%,$(sort $(wildcard tests/unit/test_*.c)))

all: $(PROGRAMS)

$(B)/%.o: %.c
	@mkdir -p $(@D)
	@$(if $(V),,echo "  CC    $<")
	$(Q)$(CC) $(ALL_CFLAGS) -MMD -MP -c -o $@ $<

$(B)/libpf.a: $(LIB_OBJ)
	@rm -f $@
	$(Q)ar rcs $@ $^

$(B)/pf-%: $(B)/cmd/pf-%.o $(B)/libpf.a
	@$(if $(V),,echo "  LINK  $@")
	$(Q)$(CC) $(ALL_CFLAGS) $(LDFLAGS) -o $@ $^ $(LIBS)

$(B)/unit/%: $(B)/tests/unit/%.o $(B)/libpf.a
	@mkdir -p $(@D)
	@$(if $(V),,echo "  LINK  $@")
	$(Q)$(CC) $(ALL_CFLAGS) $(LDFLAGS) -o $@ $^ $(LIBS)

units: $(UNITS)

clean:
	rm -rf $(B)

.PHONY: all units clean
.SECONDARY:
-include $(shell find $(B) -name '*.d' 2>/dev/null)
