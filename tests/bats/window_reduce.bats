# SPDX-License-Identifier: Apache-2.0
# pf-window --reduce, --merge: any program is the accumulator.

load helpers

setup()
{
	cd "$BATS_TEST_TMPDIR" || return 1
	cat > t.yaml <<- 'END'
		table: t
		id: id
		time: ts
		zone: UTC
		partition: day
		buckets: 2
		columns:
		  id: int not null
		  ts: timestamp(3) not null
		  price: decimal(10,2)
		  what: string
	END
	pf-put -q --create t.yaml t
	for day in 1 2 3 4; do
		awk -v day=$day 'BEGIN { for (i = 1; i <= 40; i++) printf \
			"{\"id\":%d,\"ts\":\"2013-03-0%dT12:00:00.000\",\"price\":%d.50,\"what\":\"a\\tb%d\"}\n",
			i % 7, day, i * day % 11, i }' |
			pf-partition -S t.yaml -I jsonl | pf-pack -qq > new.arrows
		pf-put -q --append t new.arrows
	done
	# id, price: rows, sum and largest
	cat > reduce <<- 'END'
		awk -F '\t' -v OFS='\t' '{ n[$1]++; s[$1] += $2; if (!($1 in m) || $2 > m[$1]) m[$1] = $2 }
			END { for (k in n) print k, n[k], s[k], m[k] }'
	END
	cat > merge <<- 'END'
		awk -F '\t' -v OFS='\t' '{ n[$1] += $2; s[$1] += $3; if (!($1 in m) || $4 > m[$1]) m[$1] = $4 }
			END { for (k in n) print k, n[k], s[k], m[k] }'
	END
}

by_awk()
{
	pf-window -qq -O tsv "$@" -g id --reduce "$(cat reduce)" --merge "$(cat merge)" \
		--as n,total,top reduce:price t
}

built_in()
{
	pf-window -qq -O tsv "$@" -g id n=count 'total=sum:price' 'top=max:price' t
}

# numbers as awk prints them
plain()
{
	awk -F '\t' -v OFS='\t' 'NR > 1 { $5 += 0; $6 += 0 } 1'
}

@test "awk as the accumulator gives what count, sum and max give" {
	for w in 1d 3d 4d; do
		equals "$(by_awk -W $w | plain)" "$(built_in -W $w | plain)"
	done
}

@test "beside each other: a key that only one of the windows has" {
	printf '{"id":9,"ts":"2013-03-02T12:00:00.000","price":1.5}\n' | pf-partition -S t.yaml -I jsonl |
		pf-pack -qq > new.arrows
	pf-put -q --append t new.arrows
	for w in "" "-s st"; do
		# shellcheck disable=SC2086
		by_awk $w --wide -W 4d -W 1d -W 2d > awk
		equals "$(head -1 awk)" "$(printf '%s\t' id window_end {n,total,top}_4d {n,total,top}_1d {n,total,top}_2d |
			sed 's/.$//')"
		equals "$(grep ^9 awk)" "$(printf '9\t2013-03-05\t1\t1.5\t1.50\t\t\t\t\t\t')"
		diff <(cut -f 1,2,6-8 awk | grep -v ^9 | tail -n +2) <(by_awk -W 1d | cut -f 1,3- | tail -n +2)
	done
}

@test "Python as the accumulator, with a state it keeps as JSON" {
	cat > acc.py <<- 'END'
		import json, sys
		groups = {}
		for line in sys.stdin:
		    key, value = line.rstrip("\n").split("\t")
		    one = json.loads(value) if sys.argv[1] == "merge" else {"n": 1, "most": float(value), "least": float(value)}
		    g = groups.setdefault(key, {"n": 0, "most": -1e9, "least": 1e9})
		    g["n"] += one["n"]
		    g["most"] = max(g["most"], one["most"])
		    g["least"] = min(g["least"], one["least"])
		for key, g in groups.items():
		    print(key, json.dumps(g, separators=(",", ":")), sep="\t")
	END
	by_python() {
		pf-window -qq -O tsv "$@" -g id --reduce 'python3 acc.py reduce' --merge 'python3 acc.py merge' \
			acc=reduce:price t | tail -n +2 | sed 's/{"n":\([0-9]*\),"most":\([0-9.]*\),"least":\([0-9.]*\)}/\1\t\2\t\3/'
	}
	want() {
		pf-window -qq -O tsv "$@" -g id count 'a=max:price' 'b=min:price' t | tail -n +2 |
			awk -F '\t' -v OFS='\t' '{ $5 = sprintf("%.1f", $5); $6 = sprintf("%.1f", $6) } 1'
	}
	equals "$(by_python -W 4d)" "$(want -W 4d)"
	by_python -s st -W 2d > /dev/null
	equals "$(by_python -s st -W 3d)" "$(want -W 3d)"
	equals "$(by_python -s st -W 2d --end 2013-03-04)" "$(want -W 2d --end 2013-03-04)"
}

@test "from a state, too: days are reduced once, partials merged" {
	by_awk -s st -W 2d > /dev/null
	equals "$(by_awk -s st -W 3d | plain)" "$(built_in -W 3d | plain)"
	equals "$(by_awk -s st -W 3d --end 2013-03-04 | plain)" "$(built_in -W 3d --end 2013-03-04 | plain)"
	mv t/dt=* .
	equals "$(by_awk -s st -W 3d | plain)" "$(mv dt=* t; built_in -W 3d | plain)"
}

@test "without keys, with little memory, and fields that need escapes" {
	equals "$(pf-window -qq -O tsv -W 4d --reduce 'wc -l' --merge 'awk "{ n += \$1 } END { print n }"' n=reduce:what t | tail -1 | cut -f 3)" 160
	equals "$(by_awk -W 4d --memory 1Mi | plain)" "$(built_in -W 4d | plain)"
	equals "$(pf-window -qq -O tsv -W 1d -g id --reduce 'sort -k 1n,1 -k 2V -u -t "	" | awk -F "\t" "!seen[\$1]++"' --merge 'awk -F "\t" "!seen[\$1]++"' first=reduce:what t | sed -n 2p | cut -f 4)" \
		'a\tb7'
}

@test "commands that fail, or print what they should not, are errors" {
	status 4 pf-window -W 1d -g id --reduce 'exit 3' --merge cat reduce:price t
	contains "$stderr" "'exit 3' exited with 3" PF4007
	status 4 pf-window -W 1d -g id --reduce 'echo 99' --merge cat reduce:price t
	contains "$stderr" "printed a line of a key that it was not given"
	status 4 pf-window -W 1d -g id --reduce "$(cat reduce)" --merge cat --as n,total reduce:price t
	contains "$stderr" "has 3 values, not 2"
	status 2 pf-window -W 1d -g id reduce:price t
	contains "$stderr" "reduce needs --reduce COMMAND and --merge COMMAND"
}

@test "long keys that begin alike are told apart and stay in order" {
	long() { pf-window -qq -O tsv "$@" -g "k=concat('a beginning of more than sixteen bytes ', what)" n=count t | cut -f 1,4; }
	long -s st -W 2d > /dev/null
	equals "$(long -s st -W 4d)" "$(long -W 4d)"
	equals "$(long -W 4d | tail -n +2 | cut -f 1 | sort -u | wc -l)" 40
	equals "$(long -W 4d | tail -n +2 | cut -f 1 | LC_ALL=C sort -c 2>&1)" ""
}
