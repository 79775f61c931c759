# SPDX-License-Identifier: Apache-2.0
# What all seven programs promise alike (pf(7)), in loops over all of them.
load helpers

all="pf-stage pf-partition pf-pack pf-index pf-put pf-query pf-window"

programs()
{
	local p
	for p in $all; do
		[ ! -x "$PF_BUILD/$p" ] || echo "$p"
	done
}

# streams: rows.arrows, part.arrows (partitioned), segs.arrows (segments)
streams()
{
	need_program pf-stage pf-partition pf-pack pf-put
	small_schema
	small_rows
	pf-stage append -q -S schema.yaml stage events.jsonl
	pf-put -q --create schema.yaml wh/default.db/events
	pf-stage read stage --after wh/default.db/events > rows.arrows
	pf-partition rows.arrows > part.arrows
	pf-pack part.arrows > segs.arrows
}

# The stream that a program reads, and its further operands.
input_of()
{
	case $1 in
	pf-partition | pf-query) echo rows.arrows ;;
	pf-pack) echo part.arrows ;;
	pf-index | pf-put) echo segs.arrows ;;
	*) return 1 ;;
	esac
}

command_of()
{
	case $1 in
	pf-put) echo "pf-put -q wh/default.db/events" ;;
	pf-query) echo "pf-query -O tsv" ;;
	*) echo "$1" ;;
	esac
}

@test "all seven programs are there" {
	equals "$(programs | wc -l)" 7
}

@test "--help: stdout, exit 0, fits 80 x 40, an example before the options" {
	local p
	for p in $(programs); do
		status 0 "$p" --help
		equals "$stderr" ""
		contains "$output" "$p - "
		contains "$output" "usage: $p"
		contains "$output" "exit: 0"
		[ "${#lines[@]}" -le 40 ] || { echo "$p: ${#lines[@]} lines"; return 1; }
		local wide
		wide=$("$p" --help | awk 'length($0) > 80')
		[ -z "$wide" ] || { echo "$p: too wide: $wide"; return 1; }
		"$p" --help | awk -v p="$p" '
			$0 ~ "^  .*" p && !example { example = NR }
			/^  -|^      --/ && !option { option = NR }
			END { exit !(example && (!option || example < option)) }' ||
			{ echo "$p: no example before the options"; return 1; }
	done
}

@test "--help=all lists every option, --help=json parses" {
	local p
	for p in $(programs); do
		"$p" --help=json > help.json
		python3 - "$p" <<-'END'
		import json, subprocess, sys
		d = json.load(open("help.json"))
		assert d["name"] == sys.argv[1]
		text = subprocess.run([sys.argv[1], "--help=all"], check=True, text=True,
		                      stdout=subprocess.PIPE).stdout
		for o in d["options"]:
		    assert "--" + o["name"] in text, o
		    assert o["help"] and o["help"][-1] != ".", o
		letters = [o["letter"] for o in d["options"] if o["letter"]]
		assert len(letters) == len(set(letters)), letters
		names = [o["name"] for o in d["options"]]
		assert len(names) == len(set(names)), names
		END
	done
}

@test "--help=json says what each option takes" {
	kinds()
	{
		"$1" --help=json | python3 -c 'import json, sys; [print(o["name"], o["kind"])
			for o in json.load(sys.stdin)["options"]]'
	}
	local want
	kinds pf-query > query
	kinds pf-stage > stage
	kinds pf-pack > pack
	for want in 'between pair' 'where list' 'columns columns' 'limit int' 'memory size' \
		'since string' 'explain flag' 'output-format enum' 'verbose counter' 'help optional'; do
		grep -qx "$want" query || { cat query; return 1; }
	done
	grep -qx 'wait duration' stage
	grep -qx 'every duration' pack
	# No kind but these.
	equals "$(cut -d ' ' -f 2 query stage pack | sort -u | paste -sd ' ')" \
		"columns counter duration enum flag int list optional pair size string"
}

@test "one letter means one thing in all seven" {
	local p
	for p in $(programs); do
		"$p" --help=json > "$p.json"
	done
	python3 - <<-'END'
	import glob, json
	meaning = {}
	for path in sorted(glob.glob("pf-*.json")):
	    for o in json.load(open(path))["options"]:
	        if o["letter"]:
	            meaning.setdefault(o["letter"], set()).add(o["name"])
	# pf-query --schema lists columns, so its -S has another long form.
	meaning["S"].discard("definition")
	assert all(len(v) == 1 for v in meaning.values()), \
	    {k: v for k, v in meaning.items() if len(v) > 1}
	want = {"h": "help", "V": "version", "o": "output", "O": "output-format",
	        "I": "input-format", "q": "quiet", "v": "verbose", "S": "schema",
	        "w": "where", "n": "limit", "f": "force"}
	for letter, name in want.items():
	    assert meaning.get(letter, {name}) == {name}, (letter, meaning[letter])
	END
}

@test "--version names the program and a version" {
	local p
	for p in $(programs); do
		status 0 "$p" --version
		[[ ${lines[0]} =~ ^$p\ .*[0-9]+\.[0-9]+ ]] || { echo "$output"; return 1; }
		equals "$stderr" ""
	done
}

@test "an unknown option: exit 2, nearest name, nothing on stdout" {
	local p
	for p in $(programs); do
		status 2 "$p" --verbos
		equals "$output" ""
		contains "$stderr" "$p: unknown option '--verbos' (PF2001)"
		contains "$stderr" "hint: did you mean '--verbose'?"
		status 2 "$p" --hel
		contains "$stderr" "--help"
	done
}

@test "--errors=json: one JSON object" {
	local p
	for p in $(programs); do
		status 2 "$p" --errors=json --color=bleu
		python3 -c 'import json, sys; d = json.loads(sys.argv[1]); assert d["code"] == "PF2001", d' "$stderr"
	done
}

@test "no operand and a terminal: two lines of usage, exit 2, no waiting" {
	local p out code
	for p in $(programs); do
		code=0
		out=$(on_terminal "timeout 10 $p") || code=$?
		equals "$p $code" "$p 2"
		contains "$out" "usage: $p"
		[ "$(wc -l <<< "$out")" -le 3 ] || { echo "$out"; return 1; }
	done
}

@test "P03: a reader that goes away is no error and no message" {
	local p
	for p in $(programs); do
		for option in --help=all --help=json; do
			"$p" $option 2> err | head -1 > /dev/null
			equals "$(cat err)" ""
		done
	done
	streams
	for i in $(seq 20); do cat rows.arrows; done > many.arrows
	pf-query -O tsv many.arrows 2> err | head -1 > /dev/null
	equals "$(cat err)" ""
}

@test "a full disk: exit 4, said so" {
	local p
	for p in $(programs); do
		status 4 sh -c "$p --help=all > /dev/full"
		contains "$stderr" "No space left"
	done
	streams
	for p in pf-partition pf-pack pf-query; do
		status 4 sh -c "$(command_of $p) $(input_of $p) > /dev/full"
		contains "$stderr" "$p: "
	done
	status 4 sh -c "pf-stage read stage --from-start > /dev/full"
}

@test "stdin or stdout closed: exit 4, no crash" {
	local p
	for p in $(programs); do
		status 4 sh -c "$p --help >&-"
	done
	streams
	for p in pf-partition pf-pack pf-put pf-query; do
		status 4 sh -c "$(command_of $p) <&-"
		contains "$stderr" "$p: "
	done
}

@test "a file that is not there: exit 4, its name" {
	local p
	for p in $(programs); do
		case $p in
		pf-stage) status 4 pf-stage append -S schema.yaml stage none.jsonl ;;
		pf-put) continue ;;
		pf-window) status 4 pf-window -W 1d none.arrows ;;
		*) status 4 "$p" none.arrows ;;
		esac
		contains "$stderr" "No such file or directory"
	done
}

@test "P04: every prefix of a stream: exit 3" {
	streams
	local p
	for p in pf-partition pf-pack pf-index pf-query; do
		[ -x "$PF_BUILD/$p" ] || continue
		prefixes "$(input_of $p)" 700 3 $(command_of $p)
	done
}

@test "every prefix into pf-put: exit 3, and the whole afterwards is loaded once" {
	streams
	prefixes segs.arrows 300 3 pf-put -q wh/default.db/events
	pf-put -q wh/default.db/events segs.arrows
	equals "$(pf-query -O tsv wh/default.db/events | tail -n +2 | wc -l)" 4
	no_temporaries wh
}

@test "P02: an upstream that aborts: exit 5, forwarded, nothing committed" {
	streams
	local p next
	head -c $(($(stat -c %s rows.arrows) - 40)) rows.arrows > cut.arrows
	pf-partition cut.arrows > part.aborted 2> err && false
	[ -s part.aborted ]
	status 5 sh -c 'pf-pack part.aborted > segs.aborted'
	contains "$stderr" "pf-partition"
	for p in pf-index pf-put; do
		[ -x "$PF_BUILD/$p" ] || continue
		status 5 sh -c "$(command_of $p) segs.aborted"
		contains "$stderr" "pf-partition"
	done
	status 5 sh -c 'pf-query part.aborted'
	equals "$(ls wh/default.db/events/snapshot 2> /dev/null | grep -c '^snapshot-' || true)" 0
}

@test "P01: a pipeline is safe without pipefail" {
	streams
	head -c $(($(stat -c %s rows.arrows) - 40)) rows.arrows > cut.arrows
	status 5 sh -c 'pf-partition cut.arrows | pf-pack | pf-put wh/default.db/events'
	contains "$stderr" "pf-put: "
	status 3 sh -c 'pf-partition none.arrows | pf-pack | pf-put wh/default.db/events'
	[ ! -e wh/default.db/events/snapshot/snapshot-1 ]
}

@test "no escape bytes in a pipe; none with NO_COLOR or a dumb terminal" {
	streams
	local out
	for p in $(programs); do
		out=$("$p" --help=all 2>&1; "$p" --bogus 2>&1 || true)
		lacks "$out" $'\e'
	done
	lacks "$(pf-query -O table rows.arrows 2>&1)" $'\e'
	lacks "$(on_terminal 'NO_COLOR=1 pf-query rows.arrows')" $'\e'
	lacks "$(on_terminal 'TERM=dumb pf-query rows.arrows')" $'\e'
}

@test "binary never reaches a terminal" {
	streams
	local p out code
	for p in pf-partition pf-pack; do
		code=0
		out=$(on_terminal "$p $(input_of $p)") || code=$?
		equals "$p $code" "$p 2"
		contains "$out" "will not write binary to a terminal"
	done
	code=0
	out=$(on_terminal "pf-query -O arrow rows.arrows") || code=$?
	equals $code 2
	contains "$(on_terminal 'pf-query rows.arrows')" "user_id"
}

@test "-o writes beside and renames; overwrites only with --force; leaves nothing" {
	streams
	pf-partition -o out.arrows rows.arrows
	cmp out.arrows part.arrows
	status 2 pf-partition -o out.arrows rows.arrows
	contains "$stderr" "--force"
	pf-partition -f -o out.arrows rows.arrows
	head -c 500 rows.arrows > cut.arrows
	status 3 pf-partition -o cut.out cut.arrows
	[ ! -e cut.out ]
	no_temporaries .
}

@test "int64 at its ends survives every format" {
	streams
	for format in tsv csv jsonl json md table; do
		contains "$(pf-query -O $format rows.arrows)" 9223372036854775807
	done
}

@test "P18: same input, same options, same bytes" {
	streams
	pf-partition rows.arrows | cmp - part.arrows
	pf-pack part.arrows | cmp - segs.arrows
	pf-query -O jsonl rows.arrows > a
	pf-query -O jsonl rows.arrows | cmp - a
}

@test "completions parse and know the options" {
	local p
	for p in $(programs); do
		"$p" --help=bash > c.bash
		bash -n c.bash
		grep -q -- --version c.bash
		"$p" --help=fish | grep -q -- '-l version'
		"$p" --help=zsh | grep -q -- '--version'
	done
}

@test "completion of columns asks the operands that are there" {
	need_program pf-query
	printf '%s\n' 'table: t' 'id: user' 'time: ts' 'partition: none' 'buckets: 1' columns: \
		'  user: int not null' '  ts: date not null' '  price: double' > columns.yaml
	pf-put -q --create columns.yaml asked
	eval "$(pf-query --help=bash)"
	# try AT WORD...: what is offered for the word at AT
	try()
	{
		COMP_CWORD=$1
		shift
		COMP_WORDS=("$@")
		COMPREPLY=()
		_pf_query
		echo "${COMPREPLY[*]}"
	}
	equals "$(try 3 pf-query asked -c '')" "user ts price"
	equals "$(try 3 pf-query asked --columns ts,p)" "ts,price"
	equals "$(try 2 pf-query -g us asked missing)" "user"
	equals "$(try 2 pf-query -t '' missing)" ""
	equals "$(try 2 pf-query -O ts asked)" "tsv"
	# --name=value is three words; a definition has columns, too.
	equals "$(try 3 pf-query --output-format = ts)" "tsv"
	equals "$(try 2 pf-query --color =)" "auto always never"
	printf '{"user": 1, "ts": "2024-01-01", "price": 2}\n' > rows.jsonl
	equals "$(try 5 pf-query -S columns.yaml rows.jsonl -c pr)" "price"
	# Options of a command.
	eval "$(pf-stage --help=bash)"
	COMP_CWORD=2 COMP_WORDS=(pf-stage trim --)
	_pf_stage
	contains " ${COMPREPLY[*]} " " --consumer "
	lacks " ${COMPREPLY[*]} " " --follow "
	COMP_CWORD=2 COMP_WORDS=(pf-stage read --f)
	_pf_stage
	equals "$(printf '%s\n' "${COMPREPLY[@]}" | sort | paste -sd ' ')" "--follow --force --from-start"
	if command -v fish > /dev/null; then
		pf-query --help=fish > completion.fish
		equals "$(fish -c 'source completion.fish; complete -C"pf-query asked -c ts,p"' | cut -f 1)" "ts,price"
		equals "$(fish -c 'source completion.fish; complete -C"pf-query -S columns.yaml -c pr"' | cut -f 1)" "price"
		pf-stage --help=fish > stage.fish
		lacks "$(fish -c 'source stage.fish; complete -C"pf-stage trim --f"')" --follow
		contains "$(fish -c 'source stage.fish; complete -C"pf-stage read --f"')" --follow
	fi
	if command -v zsh > /dev/null; then
		pf-query --help=zsh > completion.zsh
		zsh -n completion.zsh
	fi
}

@test "zsh completes options, words and columns" {
	command -v zsh > /dev/null || skip "no zsh"
	small_table
	mkdir functions
	pf-query --help=zsh > functions/_pf-query
	cat > ask.py <<-'END'
	import os, pty, re, select, sys, time
	# ask.py LINE: type it and a tab into a zsh; print what stands there then.
	pid, fd = pty.fork()
	if not pid:
	    os.environ.update(TERM="dumb", PS1="", ZDOTDIR=os.getcwd())
	    os.execvp("zsh", ["zsh", "-f", "-i"])
	def read(until, seconds=20):
	    text, end = "", time.monotonic() + seconds
	    while until not in text and time.monotonic() < end:
	        if select.select([fd], [], [], 0.1)[0]:
	            text += os.read(fd, 4096).decode(errors="replace")
	    return text
	os.write(fd, b"fpath=($PWD/functions $fpath); autoload -Uz compinit; compinit -u -D; "
	         b"zle -N show; show() { print -r -- \"<<$BUFFER>>\"; zle kill-buffer }; "
	         b"bindkey '^G' show; print -r re''ady\n")
	read("ready")
	os.write(fd, sys.argv[1].encode() + b"\t")
	time.sleep(1)
	os.write(fd, b"\x07")
	print(re.search("<<(.*?)>>", read(">>")).group(1).strip())
	os.write(fd, b"exit\n")
	END
	equals "$(python3 ask.py 'pf-query --output-f')" "pf-query --output-format="
	equals "$(python3 ask.py 'pf-query -O ts')" "pf-query -O tsv"
	# The comma goes away again when a blank is typed.
	equals "$(python3 ask.py 'pf-query wh/default.db/events -c user_id,pri')" \
		"pf-query wh/default.db/events -c user_id,price,"
}

@test "install and uninstall leave nothing" {
	[ -n "$(programs)" ] || skip "no program"
	make -s -C "$PF_ROOT" B="$PF_BUILD" install DESTDIR="$PWD/root" PREFIX=/usr > /dev/null
	[ -x "root/usr/bin/$(programs | head -1)" ]
	[ -e "root/usr/share/bash-completion/completions/$(programs | head -1)" ]
	[ -e root/usr/share/zsh/vendor-completions/_pf-query ]
	[ -e root/usr/share/fish/vendor_completions.d/pf-query.fish ]
	[ -e root/usr/share/man/man1/pf-query.1 ]
	[ -e root/usr/share/man/man7/pf.7 ]
	make -s -C "$PF_ROOT" B="$PF_BUILD" uninstall DESTDIR="$PWD/root" PREFIX=/usr
	equals "$(find root -type f)" ""
}

@test "configuration: flag, then PF_ variable, then file, then default; none is none" {
	export XDG_CONFIG_HOME=$PWD
	mkdir paraflow
	local p operands
	for p in $(programs); do
		operands=x
		[ $p != pf-stage ] || operands='status x'
		run --separate-stderr "$p" --config=missing.yaml
		equals $status 4
		contains "$stderr" "missing.yaml"
		printf 'color: bleu\n' > paraflow/config.yaml
		status 2 $p $operands
		contains "$stderr" "config.yaml:1: option '--color' does not know 'bleu'"
		PF_COLOR=bloo status 2 $p $operands
		contains "$stderr" "PF_COLOR: option '--color' does not know 'bloo'"
		PF_COLOR=bloo status 2 "$p" --color=blai $operands
		contains "$stderr" "option '--color' does not know 'blai'"
		status 0 "$p" --config=none --help
		printf '%s:\n  colour: never\n' "$p" > paraflow/config.yaml
		status 2 $p $operands
		contains "$stderr" "config.yaml:2: $p has no option 'colour'"
	done
}
