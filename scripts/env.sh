# Sourced by the other scripts: makes .venv at the first call, and activates it.
# Usage: . scripts/env.sh, or EXTRAS=render,dev . scripts/env.sh for the tools of development.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

find_python() {
    local candidate
    for candidate in ${PYTHON:-} python3 python3.14 python3.13 python3.12 python3.11 python3.10 python; do
        if command -v "$candidate" >/dev/null 2>&1 &&
            "$candidate" -c 'import sys; sys.exit(sys.version_info < (3, 10))' 2>/dev/null; then
            echo "$candidate"
            return
        fi
    done
    echo "error: no Python >= 3.10 was found (looked for python3 and python3.10 to python3.14);" \
        "install one, or name it: PYTHON=/path/to/python3 $0" >&2
    exit 2
}

if [ ! -x .venv/bin/python ]; then
    python=$(find_python)
    echo "making .venv with $("$python" --version)"
    rm -rf .venv
    "$python" -m venv .venv || {
        rm -rf .venv
        echo "error: $python cannot make a virtual environment; on Debian and Ubuntu: apt install python3-venv" >&2
        exit 2
    }
fi
. .venv/bin/activate

# Installed once for each state of setup.py; a second call costs nothing.
extras=${EXTRAS:-render}
state=$(cksum <setup.py)
case "$(cat .venv/installed 2>/dev/null)" in
"$state $extras" | "$state render,dev") ;;
*)
    echo "installing vreid[$extras] and what it needs (several GB with torch's CUDA libraries, a minute or more)"
    python -m pip install --quiet --disable-pip-version-check -e ".[$extras]" || {
        echo "error: the installation failed; see pip's message above, then run $0 again" >&2
        exit 2
    }
    echo "$state $extras" >.venv/installed
    ;;
esac

# "toycity" -> configs/recipes/toycity.yml; a path stays a path.
recipe_path() {
    if [ -f "configs/recipes/$1.yml" ]; then echo "configs/recipes/$1.yml"; else echo "$1"; fi
}

# Run a training verb; PROCESSES=4 lets four processes of torchrun share each batch.
train_verb() {
    if [ "${PROCESSES:-1}" -gt 1 ]; then
        torchrun --nproc-per-node "$PROCESSES" -m "$@"
    else
        python -m "$@"
    fi
}
