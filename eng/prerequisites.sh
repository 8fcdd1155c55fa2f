# What ./run and ./test need from the machine. Sourced by them, with $here set to the repository.

export DOTNET_CLI_TELEMETRY_OPTOUT=1 DOTNET_NOLOGO=1

fail() {
    echo "$1" >&2
    exit 1
}

require_dotnet() {
    # From the repository, because global.json decides there which SDK is good enough.
    if ! command -v dotnet > /dev/null || ! (cd "$here" && dotnet --version > /dev/null 2>&1); then
        fail "The .NET 10 SDK was not found. Install it: https://dotnet.microsoft.com/download/dotnet/10.0"
    fi
}

has_postgres() {
    local folder
    for folder in "${Tracking__PostgresBin:-}" /usr/lib/postgresql/*/bin /usr/pgsql-*/bin ${PATH//:/ }; do
        if [[ -n $folder && -x $folder/postgres && -x $folder/initdb ]]; then
            return 0
        fi
    done
    return 1
}

require_postgres() {
    if has_postgres; then
        return
    fi
    if [[ $EUID -ne 0 ]] || ! command -v apt-get > /dev/null; then
        fail "PostgreSQL was not found. Install it (Debian, Ubuntu: apt-get install postgresql), or set ConnectionStrings__tracking to use a server of your own."
    fi
    echo "Installing PostgreSQL ..."
    install_postgres
    has_postgres || fail "PostgreSQL was installed, but its programs were not found under /usr/lib/postgresql."
}

# Only the programs are wanted. Debian's package makes and starts a cluster of its own unless postgresql-common, which
# has to be there first, is told not to; what the machine's administrator had configured is put back afterwards.
install_postgres() {
    local conf=/etc/postgresql-common/createcluster.conf log
    log=$(mktemp)
    if ! {
        apt-get update &&
        apt_install postgresql-common &&
        cp "$conf" "$conf.tracking" &&
        echo "create_main_cluster = false" >> "$conf" &&
        apt_install postgresql
    } > "$log" 2>&1; then
        tail -n 5 "$log" >&2
        restore "$conf"
        fail "PostgreSQL could not be installed; the whole log is in $log. Install it by hand: apt-get install postgresql"
    fi
    restore "$conf"
    rm -f "$log"
}

# The tests that watch the order of system calls.
require_strace() {
    if command -v strace > /dev/null; then
        return
    fi
    if [[ $EUID -ne 0 ]] || ! command -v apt-get > /dev/null; then
        fail "strace was not found. Install it (Debian, Ubuntu: apt-get install strace)."
    fi
    echo "Installing strace ..."
    local log
    log=$(mktemp)
    if ! { apt-get update && apt_install strace; } > "$log" 2>&1; then
        tail -n 5 "$log" >&2
        fail "strace could not be installed; the whole log is in $log. Install it by hand: apt-get install strace"
    fi
    rm -f "$log"
}

apt_install() {
    DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends "$@"
}

restore() {
    if [[ -e $1.tracking ]]; then
        mv "$1.tracking" "$1"
    fi
}

# Restores and builds in Release; says something only when it fails.
build() {
    local project log
    log=$(mktemp)
    for project in "$@"; do
        if ! (cd "$here" && dotnet build "$project" -c Release -v q -tl:off -nologo) > "$log" 2>&1; then
            grep -E '(error|warning) [A-Z]+[0-9]+|MSBUILD' "$log" | sort -u >&2 || cat "$log" >&2
            rm -f "$log"
            fail "$project does not build."
        fi
    done
    rm -f "$log"
}

# The tests that send mail through it, with a configuration of their own: the package makes none ("No configuration"),
# and never replaces a mail server that the machine has already (--no-remove).
require_postfix() {
    if [[ -x /usr/sbin/postfix ]]; then
        return
    fi
    if [[ $EUID -ne 0 ]] || ! command -v apt-get > /dev/null; then
        fail "Postfix was not found. Install it (Debian, Ubuntu: apt-get install postfix)."
    fi
    echo "Installing Postfix ..."
    local log
    log=$(mktemp)
    if ! {
        apt-get update &&
        echo "postfix postfix/main_mailer_type select No configuration" | debconf-set-selections &&
        apt_install --no-remove postfix
    } > "$log" 2>&1; then
        tail -n 5 "$log" >&2
        fail "Postfix could not be installed; the whole log is in $log. Install it by hand: apt-get install postfix"
    fi
    rm -f "$log"
}
