# How each script in this folder begins. Sourced by them: sets $here, and $folder to the engine's own folder.
set -euo pipefail
# What engines say is their log, whichever stream they say it on; the dashboard takes the other for errors.
exec 2>&1
here=$(cd -- "$(dirname -- "${BASH_SOURCE[0]}")/../.." && pwd)
. "$here/eng/prerequisites.sh"
folder=${1:?takes the folder of its data}
umask 077
mkdir -p "$folder"
folder=$(cd -- "$folder" && pwd)

# Installs what is missing. All engines start at the same time, and only one may install.
install_with() {
    (flock 9 && umask 022 && "$1") 9>> "$folder/../install.lock"
}

# The command by which the engine becomes another user; nothing where it stays who it is.
as_owner=()

# Starts the engine and waits for its end; passes a stop on as the signal that lets it stop in order.
# The kernel gives it that signal when this script is killed.
run_until_stopped() {
    local signal=$1 code=0
    shift
    # In this order: a change of the user forgets the signal.
    "${as_owner[@]}" setpriv --pdeathsig="$signal" -- "$@" &
    local engine=$!
    trap "kill -$signal $engine 2> /dev/null || true" TERM INT HUP
    while kill -0 "$engine" 2> /dev/null; do
        code=0
        wait "$engine" || code=$?
    done
    return "$code"
}
