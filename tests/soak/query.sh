# SPDX-License-Identifier: Apache-2.0
# 2000 random questions: pruned, unpruned and DuckDB agree.
exec "$PF_PYTHON" tests/conform/query_random.py 2000
