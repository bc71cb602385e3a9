#!/bin/sh
# Build .venv with exactly what requirements.lock pins. Needs Python 3.11 to 3.13; on Debian, root may lack the rest.
set -eu
cd "$(dirname "$0")/.."

is_root() { [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null; }
debian() { # install Debian packages, or say how
    if is_root; then
        apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq "$@" >/dev/null
    else
        echo "set-up needs the Debian packages: $*; run: sudo apt-get install $*" >&2
        exit 1
    fi
}

python=
for candidate in python3.11 python3.12 python3.13 python3; do
    if "$candidate" -c 'import sys; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 13))' 2>/dev/null; then
        python=$candidate
        break
    fi
done
[ -n "$python" ] || { echo "set-up needs Python 3.11, 3.12 or 3.13 on the PATH" >&2; exit 1; }
"$python" -c 'import ensurepip' 2>/dev/null || debian python3-venv
ldconfig -p 2>/dev/null | grep -q 'libgomp\.so\.1' || debian libgomp1 # LightGBM's threads

[ -x .venv/bin/python ] || "$python" -m venv .venv
.venv/bin/python -m pip install --quiet --disable-pip-version-check uv==0.13.8

export VIRTUAL_ENV="$PWD/.venv"
if [ -n "${PIP_FIND_LINKS:-}${UV_FIND_LINKS:-}" ]; then # wheels are provided, a CPU build of torch among them
    UV_FIND_LINKS="${UV_FIND_LINKS:-$PIP_FIND_LINKS}" .venv/bin/uv pip install --quiet -r requirements.lock
    .venv/bin/python -c 'import torch' 2>/dev/null || # none of the wheels was for this Python
        .venv/bin/uv pip install --quiet --torch-backend cpu --reinstall-package torch "$(grep -o '^torch==[^ ]*' requirements.lock)"
else # the CPU build comes from PyTorch's own index; the default Linux build would bring gigabytes of CUDA
    .venv/bin/uv pip install --quiet --torch-backend cpu -r requirements.lock
fi
.venv/bin/uv pip install --quiet --no-deps --editable .
touch .venv/.set-up
echo "set up: $(.venv/bin/python --version), TrendDrop $(.venv/bin/python -c 'import trenddrop; print(trenddrop.__version__)')"
