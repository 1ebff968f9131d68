#!/usr/bin/env bash
# Writes requirements.lock again from pyproject.toml: pip constraints, exact versions for
# Python 3.10 to 3.13 on Linux x86-64.
#
#   scripts/lock.sh             keeps every version that still fits
#   scripts/lock.sh --upgrade   takes the newest of everything (other uv options work too)
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

if [[ -x .venv/bin/uv ]]; then
  uv=.venv/bin/uv
elif ! uv=$(command -v uv); then
  "${PYTHON:-python3}" -m venv "$work/venv"
  "$work/venv/bin/python" -m pip install --quiet uv
  uv="$work/venv/bin/uv"
fi

[[ -f requirements.lock ]] && cp requirements.lock "$work/lock"
UV_PYTHON_DOWNLOADS=never "$uv" pip compile pyproject.toml --all-extras \
  --universal --python-version 3.10 --no-sources \
  --no-annotate --no-header --no-emit-index-url --no-emit-find-links \
  --quiet --output-file "$work/lock" "$@" >/dev/null

# The same versions are wanted on other platforms too: leave the platform out of the markers.
platform="platform_machine == 'x86_64' and sys_platform == 'linux'"
sed -i -e "s/ and $platform\$//" -e "s/ ; $platform\$//" "$work/lock"

# Nothing but "name==version" and a marker: no host, no path, no local build such as +cpu.
if bad=$(grep -vE '^[a-z0-9._-]+==[0-9][0-9a-z.!]*( ; .*)?$' "$work/lock"); then
  printf 'scripts/lock.sh: these lines do not belong into a lock:\n%s\n' "$bad" >&2
  exit 1
fi

{
  cat <<'HEADER'
# Exact versions that the tests ran with: pip constraints, for
#   pip install -c requirements.lock -e ".[dev]"
# Python 3.10 to 3.13 on Linux x86-64, every extra. Written by scripts/lock.sh; do not edit.
HEADER
  cat "$work/lock"
} >"$work/new"
cp "$work/new" requirements.lock
echo "requirements.lock: $(wc -l <"$work/lock") lines"
