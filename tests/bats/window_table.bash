# SPDX-License-Identifier: Apache-2.0
# A table of days to ask windows of: t, by id and price.

window_table()
{
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
	END
	pf-put -q --create t.yaml t
}

# load_rows "ID DAY PRICE"...: one commit
load_rows()
{
	local row
	for row in "$@"; do
		# shellcheck disable=SC2086
		set -- $row
		printf '{"id":%s,"ts":"2013-03-%02dT12:00:00.000","price":%s}\n' "$1" "$2" "$3"
	done | pf-partition -S t.yaml -I jsonl | pf-pack -qq > new.arrows
	pf-put -q --append t new.arrows
}

# rows of answers, blanks for tabs
rows()
{
	pf-window -qq -O tsv "$@" t | tail -n +2 | tr '\t' ' '
}
