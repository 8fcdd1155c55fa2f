# What ./run and ./test need from the machine. Sourced by them, with $here set to the repository.

export DOTNET_CLI_TELEMETRY_OPTOUT=1 DOTNET_NOLOGO=1

# A line that says what is wrong, and the exit code: 1 unless given.
fail() {
    echo "$1" >&2
    exit "${2:-1}"
}

require_dotnet() {
    # From the repository, because global.json decides there which SDK is good enough.
    if ! command -v dotnet > /dev/null || ! (cd "$here" && dotnet --version > /dev/null 2>&1); then
        fail "The .NET 10 SDK was not found. Install it: https://dotnet.microsoft.com/download/dotnet/10.0"
    fi
}

has_postgres() {
    find_postgres > /dev/null
}

# The folder of PostgreSQL's programs: of the major version that is asked for, or the newest.
find_postgres() {
    local folder
    for folder in "${Tracking__PostgresBin:-}" $(printf '%s\n' /usr/lib/postgresql/*/bin /usr/pgsql-*/bin | sort -rV) ${PATH//:/ }; do
        if [[ -n $folder && -x $folder/postgres && -x $folder/initdb ]] &&
            [[ -z ${1:-} || $("$folder/postgres" --version) == *" $1"[.\ ]* ]]; then
            echo "$folder"
            return 0
        fi
    done
    return 1
}

require_postgres() {
    if has_postgres; then
        return
    fi
    may_install PostgreSQL postgresql ", or set ConnectionStrings__tracking to use a server of your own"

    # Only the programs are wanted. Debian's package makes and starts a cluster of its own unless postgresql-common,
    # which has to be there first, is told not to; what the machine's administrator had configured is put back
    # afterwards.
    local conf=/etc/postgresql-common/createcluster.conf
    install_packages PostgreSQL postgresql-common
    cp "$conf" "$conf.tracking"
    echo "create_main_cluster = false" >> "$conf"
    (install_packages PostgreSQL postgresql) || { restore "$conf"; exit 1; }
    restore "$conf"
    has_postgres || fail "PostgreSQL was installed, but its programs were not found under /usr/lib/postgresql."
}

# The tests that watch the order of system calls.
require_strace() {
    require_command strace strace strace
}

# The broker between the services. The tests start their own nodes by the script in this folder.
require_rabbitmq() {
    require_command RabbitMQ /usr/lib/rabbitmq/bin/rabbitmq-server rabbitmq-server
}

# The cache between the services.
require_redis() {
    require_command Redis redis-server redis-server
}

# The database of a Postal that is moved here.
require_mariadb() {
    require_command MariaDB /usr/sbin/mariadbd mariadb-server
}

# Name servers of zones, and a resolver that checks signatures: what the verifier asks in the tests.
require_name_servers() {
    require_command Knot /usr/sbin/knotd knot
    require_command Unbound /usr/sbin/unbound unbound
}

# Let's Encrypt's small authority and what answers its challenges, and clients that know nothing of this project.
require_acme() {
    require_command pebble pebble-challtestsrv pebble
    require_command acme-tiny acme-tiny acme-tiny
    require_command certbot certbot certbot
    require_command lego lego lego
    require_command dehydrated dehydrated dehydrated
}

# The client that sees what TLS sends.
require_openssl() {
    require_command OpenSSL openssl openssl
}

# Clients that know nothing of this project: messages go in and come out by them.
require_amqp_clients() {
    require_command "amqp-publish" amqp-publish amqp-tools
    # Debian's own Python: its packages are not seen by any other that comes first in PATH.
    if ! /usr/bin/python3 -c "import pika" 2> /dev/null; then
        may_install "Python's AMQP client" python3-pika
        install_packages "Python's AMQP client" python3-pika
    fi
}

# The mail server that notices are sent to.
require_aiosmtpd() {
    if ! /usr/bin/python3 -c "import aiosmtpd" 2> /dev/null; then
        may_install "Python's mail server" python3-aiosmtpd
        install_packages "Python's mail server" python3-aiosmtpd
    fi
}

# The browser that looks at the console and the dashboard.
require_chromium() {
    require_command Chromium chromium chromium fonts-liberation
}

# What it is called, the command (or its path) that says it is there, the packages that bring it.
require_command() {
    local name=$1 command=$2
    shift 2
    if command -v "$command" > /dev/null; then
        return
    fi
    may_install "$name" "$*"
    install_packages "$name" "$@"
    command -v "$command" > /dev/null || fail "$name was installed, but $command was not found."
}

# Says how to install something where we cannot do it ourselves.
may_install() {
    if [[ $EUID -ne 0 ]] || ! command -v apt-get > /dev/null; then
        fail "$1 was not found. Install it (Debian, Ubuntu: apt-get install $2)${3:-}."
    fi
}

# Installs packages without the services that some of them would start: a broker or a cache of the machine's own, on the
# standard ports, is none of our business.
install_packages() {
    local name=$1 log policy=/usr/sbin/policy-rc.d made=
    shift
    echo "Installing $name ..."
    log=$(mktemp)
    if [[ ! -e $policy ]]; then
        made=$policy
        printf '#!/bin/sh\nexit 101\n' > "$policy"
        chmod +x "$policy"
    fi
    if ! { update_package_lists && apt_install "$@"; } > "$log" 2>&1; then
        if [[ -n $made ]]; then rm -f "$made"; fi
        tail -n 5 "$log" >&2
        fail "$name could not be installed; the whole log is in $log. Install it by hand: apt-get install $*"
    fi
    if [[ -n $made ]]; then rm -f "$made"; fi
    rm -f "$log"
}

# Once a run.
update_package_lists() {
    if [[ -z ${package_lists_are_new:-} ]]; then
        apt-get update
        package_lists_are_new=1
    fi
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
        # One compiler for all projects, also where build servers are off: to start it and its analysers again for each
        # project costs more than most projects.
        if ! (cd "$here" && dotnet build "$project" -c Release -v q -tl:off -nologo -p:UseSharedCompilation=true) \
            > "$log" 2>&1; then
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

# What signs the mail that was sent through Postfix.
require_opendkim() {
    require_command OpenDKIM /usr/sbin/opendkim opendkim
}

# Exim, which Debian does not install beside Postfix: only unpacked, with the one library that nothing else brings.
require_exim() {
    local root=/opt/tracking-tests/exim4 folder
    if [[ -x /usr/sbin/exim4 || -x $root/usr/sbin/exim4 ]]; then
        return
    fi
    may_install Exim exim4-daemon-light
    install_packages "Exim's libraries" libidn12 libdb5.3
    folder=$(mktemp -d)
    chmod 0755 "$folder"
    if ! (cd "$folder" && apt-get download exim4-daemon-light && mkdir -p "$root" && dpkg -x ./*.deb "$root") > "$folder/log" 2>&1; then
        tail -n 5 "$folder/log" >&2
        fail "Exim could not be unpacked; the whole log is in $folder/log."
    fi
    rm -rf "$folder"
}
