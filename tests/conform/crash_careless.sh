# SPDX-License-Identifier: Apache-2.0
# The same without syncs must fail, else the test of power losses sees nothing.
exec python3 tests/tools/crash_images.py --images 12 --careless
