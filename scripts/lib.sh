# Sourced by the scripts beside it. A phase runs silently into a log; only a failure shows it.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

jobs=$(nproc)
export CTEST_PARALLEL_LEVEL=$jobs
logs=build/logs
mkdir -p "$logs"

# phase <title> <command>...
phase() {
  local title=$1 log=$logs/${1//[^a-z0-9]/-}.log start=$SECONDS
  shift
  printf '%-34s' "$title"
  if "$@" >"$log" 2>&1 </dev/null; then
    printf 'ok %5ds\n' $((SECONDS - start))
    return
  fi
  printf 'FAILED after %ds\n\n' $((SECONDS - start))
  excerpt "$log"
  printf '\n%s failed. All of its log: %s\nTo repeat it alone: %s\n' "$title" "$log" "$*"
  return 1
}

# From the first failed command of a build, or else the end; without endless command lines.
excerpt() {
  local from_failure
  from_failure=$(sed -n '/^FAILED: /,$p' "$1")
  if [[ $from_failure ]]; then head -n 40 <<<"$from_failure"; else tail -n 40 "$1"; fi | cut -c -300
}
