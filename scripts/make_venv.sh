#!/bin/sh
# Makes the virtual environment with a Python of 3.11 or newer: the one named first, else what the machine has.
set -eu
asked=$1
venv=$2
for python in "$asked" python3.11 python3.12 python3.13 python3; do
    if command -v "$python" >/dev/null 2>&1 &&
        "$python" -c 'import sys; sys.exit(sys.version_info < (3, 11))' >/dev/null 2>&1; then
        if "$python" -m venv "$venv"; then
            exit 0
        fi
        echo "could not make a virtual environment with $python; on Debian: apt-get install python3-venv" >&2
        exit 1
    fi
done
echo "Python 3.11 or newer is needed and was not found; install it, or name one: make run PYTHON=/path/to/python" >&2
exit 1
