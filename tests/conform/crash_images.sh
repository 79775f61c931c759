# SPDX-License-Identifier: Apache-2.0
# Power losses in short; tests/soak/crash_images.sh is the long form.
exec python3 tests/tools/crash_images.py --images 40
