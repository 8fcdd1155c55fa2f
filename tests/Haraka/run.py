"""The recipes of deploy/mta/haraka.md and haraka-smtp.md with a real Haraka: a mail goes in by SMTP and arrives
rewritten, then signed.

Started by eng/test-haraka, with a folder in which Haraka is installed. The broker, Tracking, Haraka and the mailbox at
the end run on free ports and end with this program.
"""

import base64
import hashlib
import json
import os
import re
import shutil
import signal
import smtplib
import socket
import socketserver
import subprocess
import sys
import time
import urllib.request

import pika

repository, folder = sys.argv[1:]
DEADLINE = 180
children = []
received = []


def main():
    ports = dict(zip(("broker", "erlang", "mapper", "api", "edge", "tls", "smtp", "filter", "back"), free_ports(9)))
    sink = start_sink()
    broker = start_broker(ports)
    settings = {"ConnectionStrings__rabbitmq": broker, "TRACKING_DATA": f"{folder}/tracking",
                "TRACKING_HTTP_PORT": str(ports["api"]), "TRACKING_EDGE_PORT": str(ports["edge"]),
                "TRACKING_EDGE_TLS_PORT": str(ports["tls"]),
                "Tracking__SmtpFilter__Listen": f"127.0.0.1:{ports['filter']}",
                "Tracking__SmtpFilter__NextHop": f"127.0.0.1:{ports['back']}"}
    tracking = [f"{repository}/src/Standalone/bin/Release/net10.0/Tracking.Standalone"]
    start("tracking", tracking, settings)
    until("Tracking is ready", lambda: "is ready" in log("tracking"))
    cluster = create_cluster(ports["api"])
    write_configuration(ports, sink, create_account(broker), cluster)
    haraka = [f"{folder}/node_modules/.bin/haraka", "-c", folder]
    start("haraka", haraka, {"HARAKA_SINK": str(sink)})
    until("Haraka answers", lambda: connects(ports["smtp"]))
    until("Haraka takes mail back", lambda: "takes mail from rewritten" in log("haraka"))

    recipients = ["anna@example.net", "carl@example.net"]
    send(ports["smtp"], recipients, mail("first"))
    check("each recipient has a mail of their own", recipients, 2)
    check_links_are_their_own()
    check_signature_is_of_the_rewritten_body()
    check_bytes_of_the_text_stay("first")

    log_before = len(log("haraka"))
    stop("broker")
    try:
        send(ports["smtp"], ["dora@example.net"], mail("refused"))
        raise AssertionError("A mail was accepted while the broker was away.")
    except smtplib.SMTPResponseException as answer:
        assert answer.smtp_code == 450, answer
    print("ok  while the broker is away the client is told 450")
    start_broker(ports)
    until("Haraka takes mail back", lambda: "takes mail from rewritten" in log("haraka")[log_before:])
    until("mail is accepted again", lambda: accepts(ports["smtp"], "emil@example.net", mail("again")))
    check("after the broker's return mail is rewritten again", ["emil@example.net"], 1)
    assert not to("dora@example.net"), "The refused mail arrived."

    # Twice the same recipient would be another message.
    stop("tracking", signal.SIGKILL)
    send(ports["smtp"], ["frida@example.net"], mail("waits"))
    start("tracking", tracking, settings)
    check("mail sent while Tracking is away waits and arrives rewritten", ["frida@example.net"], 1)
    connection = pika.BlockingConnection(pika.URLParameters(broker))
    for queue in ("rewrite.dead", "rewritten.dead"):
        count = connection.channel().queue_declare(queue, passive=True).method.message_count
        assert count == 0, f"{count} messages in {queue}"
    connection.close()
    print("ok  there are no dead letters")

    stop("haraka")
    received.clear()
    write_smtp_configuration(ports)
    start("haraka", haraka, {"HARAKA_SINK": str(sink)})
    until("Haraka answers", lambda: connects(ports["smtp"]) and connects(ports["back"]))
    recipients = ["gina@example.net", "hans@example.net"]
    send(ports["smtp"], recipients, mail("over-smtp"))
    check("over SMTP each recipient has a mail of their own", recipients, 2)
    check_links_are_their_own()
    check_signature_is_of_the_rewritten_body()
    check_bytes_of_the_text_stay("over-smtp")
    stop("tracking", signal.SIGKILL)
    try:
        send(ports["smtp"], ["ines@example.net"], mail("refused-over-smtp"))
        raise AssertionError("A mail was accepted while the filter was away.")
    except smtplib.SMTPResponseException as answer:
        assert answer.smtp_code == 450, answer
    assert not to("ines@example.net"), "The refused mail arrived."
    print("ok  while the filter is away the client is told 450")


def mail(name):
    text = f"Gr\xfc\xdfe {name}\r\n.\r\n.a dot begins this line\r\nhttps://shop.example.com/{name}?a=1\r\n"
    return (f"From: News <news@example.com>\r\nTo: somebody@example.net\r\nSubject: {name}\r\n"
            f"Message-ID: <{name}@example.com>\r\nDate: Mon, 1 Jun 2026 12:00:00 +0000\r\nMIME-Version: 1.0\r\n"
            f"Content-Type: text/plain; charset=iso-8859-1\r\nContent-Transfer-Encoding: 8bit\r\n\r\n{text}"
            ).encode("latin-1")


def check(what, recipients, count):
    until(what, lambda: sum(len(to(r)) for r in recipients) >= count)
    for recipient in recipients:
        assert len(to(recipient)) == count // len(recipients), f"{recipient}: {len(to(recipient))}"
        assert re.search(rb"/c/[\w-]{40}", to(recipient)[0]), f"{what}: not rewritten: {to(recipient)[0]}"
    print(f"ok  {what}")


def check_links_are_their_own():
    links = {re.search(rb"/c/[\w-]{40}", message).group() for _, message in received}
    assert len(links) == 2, links
    print("ok  with links of their own")


def check_signature_is_of_the_rewritten_body():
    for _, message in received:
        head, body = message.split(b"\r\n\r\n", 1)
        unfolded = re.sub(rb"\r\n[ \t]+", b"", head)
        signature = re.search(rb"DKIM-Signature:(.*)", unfolded).group(1)
        said = re.search(rb"[; ]bh=([^;]+)", signature).group(1)
        digest = hashlib.sha256(body.rstrip(b"\r\n") + b"\r\n").digest()
        assert said == base64.b64encode(digest), f"{said} is not of {body}"
    print("ok  signed after it was rewritten: the signature's body hash is of what arrived")


def check_bytes_of_the_text_stay(name):
    for _, message in received:
        text = f"Gr\xfc\xdfe {name}\r\n.\r\n.a dot begins this line\r\n".encode("latin-1")
        assert text in message, message
    print("ok  bytes that are not UTF-8 and lines with dots arrive as they were sent")


def start_broker(ports):
    global broker_environment
    environment = broker_environment = {
        "HOME": f"{folder}/broker", "ERL_EPMD_ADDRESS": "127.0.0.1", "ERL_EPMD_PORT": str(ports["mapper"]),
        "RUNNING_UNDER_SYSTEMD": "1", "RABBITMQ_CONF_ENV_FILE": "/dev/null", "RABBITMQ_LOG_BASE": f"{folder}/broker",
        "RABBITMQ_CONFIG_FILE": f"{folder}/broker/rabbitmq.conf",
        "RABBITMQ_ENABLED_PLUGINS_FILE": f"{folder}/broker/plugins", "RABBITMQ_MNESIA_BASE": f"{folder}/broker/data",
        "RABBITMQ_NODENAME": f"haraka{ports['broker']}@localhost", "RABBITMQ_NODE_PORT": str(ports["broker"]),
        "RABBITMQ_DIST_PORT": str(ports["erlang"]),
    }
    os.makedirs(f"{folder}/broker", exist_ok=True)
    write("broker/rabbitmq.conf", f"listeners.tcp.1 = 127.0.0.1:{ports['broker']}\ndisk_free_limit.absolute = 50MB\n")
    write("broker/plugins", "[].\n")
    if not any(name == "mapper" for name, _ in children):
        start("mapper", ["epmd", "-address", "127.0.0.1", "-port", str(ports["mapper"])], environment)
    start("broker", ["/usr/lib/rabbitmq/bin/rabbitmq-server"], environment)
    url = f"amqp://guest:guest@127.0.0.1:{ports['broker']}/%2F"

    def answers():
        try:
            pika.BlockingConnection(pika.URLParameters(url)).close()
            return True
        except (pika.exceptions.AMQPError, OSError):
            return False

    until("the broker answers", answers)
    return url


def create_account(broker):
    """The MTA's, with the permissions of docs/amqp.md."""
    page = open(f"{repository}/docs/amqp.md").read()
    permissions = re.search(r"set_permissions -p tracking mta '(.*?)' '(.*?)' '(.*?)'", page).groups()
    control("add_user", "mta", "password")
    control("set_permissions", "mta", *permissions)
    return broker.replace("guest:guest", "mta:password")


def control(*arguments):
    subprocess.run(["/usr/lib/rabbitmq/bin/rabbitmqctl", "-n", broker_environment["RABBITMQ_NODENAME"], *arguments],
                   check=True, capture_output=True, env={**os.environ, **broker_environment})


def create_cluster(api):
    key = open(f"{folder}/tracking/admin.key").read().strip()
    body = json.dumps({"name": "haraka", "sendingDomains": ["example.com"], "settings": {"trackClicks": True}})
    request = urllib.request.Request(
        f"http://127.0.0.1:{api}/api/v1/clusters", body.encode(),
        {"Authorization": f"Bearer {key}", "Content-Type": "application/json"})
    return json.load(urllib.request.urlopen(request))["id"]


def write_configuration(ports, sink, broker, cluster):
    haraka = f"{folder}/node_modules/.bin/haraka"
    subprocess.run([haraka, "-i", folder], check=True, capture_output=True)
    for name in ("config/dkim/example.com", "plugins", "queue"):
        os.makedirs(f"{folder}/{name}", exist_ok=True)
    shutil.copy(f"{repository}/deploy/mta/haraka/tracking.js", f"{folder}/plugins/tracking.js")
    # What the recipe has.
    write("config/plugins", "relay\ntracking\ndkim\nsink\n")
    write("config/tracking.ini", f"broker = {broker}\ncluster = {cluster}\n")
    write("config/relay.ini", "[relay]\nacl = true\n")
    write("config/relay_acl_allow", "127.0.0.1/32\n")
    headers = open(f"{folder}/node_modules/haraka-plugin-dkim/config/dkim.ini").read()
    write("config/dkim.ini", headers.replace("enabled = false", "enabled = true"))
    key = f"{folder}/config/dkim/example.com/private"
    subprocess.run(["openssl", "genrsa", "-out", key, "2048"], check=True, capture_output=True)
    write("config/dkim/example.com/selector", "test\n")
    # And what only a test needs: its ports, and a mailbox in place of the internet.
    write("config/smtp.ini", f"listen=127.0.0.1:{ports['smtp']}\n")
    write("config/me", "mta.example.com\n")
    write("config/log.ini", "[main]\nlevel=info\n")
    write("config/outbound.ini", "enable_tls=false\n")
    write("plugins/sink.js", "exports.hook_get_mx = (next) => "
          f"next(OK, {{ priority: 0, exchange: '127.0.0.1', port: {sink} }})\n")


def write_smtp_configuration(ports):
    shutil.copy(f"{repository}/deploy/mta/haraka/tracking_back.js", f"{folder}/plugins/tracking_back.js")
    write("config/plugins", "relay\ntracking_back\nqueue/smtp_forward\ndkim\nsink\n")
    write("config/tracking_back.ini", f"port={ports['back']}\n")
    write("config/smtp_forward.ini",
          f"host=127.0.0.1\nport={ports['filter']}\nenable_outbound=true\none_message_per_rcpt=true\n")
    write("config/smtp.ini", f"listen=127.0.0.1:{ports['smtp']},127.0.0.1:{ports['back']}\n")


class Mailbox(socketserver.StreamRequestHandler):
    def handle(self):
        self.say("220 sink.example.net")
        recipients = []
        for line in self.rfile:
            verb = line[:4].upper()
            if verb in (b"EHLO", b"HELO"):
                self.say("250-sink.example.net\r\n250 8BITMIME")
            elif verb == b"RCPT":
                recipients.append(line[line.index(b"<") + 1:line.index(b">")].decode())
                self.say("250 OK")
            elif verb == b"DATA":
                self.say("354 Go on")
                received.append((recipients, self.read_message()))
                recipients = []
                self.say("250 Taken")
            elif verb == b"QUIT":
                self.say("221 Bye")
                return
            else:
                self.say("250 OK")

    def read_message(self):
        lines = []
        for line in self.rfile:
            if line == b".\r\n":
                break
            lines.append(line[1:] if line.startswith(b".") else line)
        return b"".join(lines)

    def say(self, text):
        self.wfile.write(text.encode() + b"\r\n")


def start_sink():
    import threading
    server = socketserver.ThreadingTCPServer(("127.0.0.1", 0), Mailbox)
    server.daemon_threads = True
    threading.Thread(target=server.serve_forever, daemon=True).start()
    return server.server_address[1]


def to(recipient):
    return [message for recipients, message in received if recipient in recipients]


def send(port, recipients, message):
    with smtplib.SMTP("127.0.0.1", port, timeout=60) as client:
        client.ehlo()
        client.mail("news@example.com")
        for recipient in recipients:
            client.rcpt(recipient)
        code, text = client.data(message)
        if code != 250:
            raise smtplib.SMTPResponseException(code, text)


def accepts(port, recipient, message):
    try:
        send(port, [recipient], message)
        return True
    except smtplib.SMTPResponseException:
        return False


def start(name, command, environment):
    output = open(f"{folder}/{name}.log", "ab")
    # An own group: a program's children end with it.
    process = subprocess.Popen(
        command, env={"PATH": os.environ["PATH"], "HOME": folder, "LANG": "C.UTF-8",
                      **{k: v for k, v in os.environ.items() if k.startswith("DOTNET_")}, **environment},
        stdin=subprocess.DEVNULL, stdout=output, stderr=output, cwd=folder, start_new_session=True)
    children.append((name, process))


def stop(name, how=signal.SIGTERM):
    for child in [child for child in children if child[0] == name]:
        try:
            os.killpg(child[1].pid, how)
        except ProcessLookupError:
            pass
        try:
            child[1].wait(30)
        except subprocess.TimeoutExpired:
            os.killpg(child[1].pid, signal.SIGKILL)
            child[1].wait()
        children.remove(child)


def free_ports(count):
    sockets = [socket.socket() for _ in range(count)]
    for one in sockets:
        one.bind(("127.0.0.1", 0))
    ports = [one.getsockname()[1] for one in sockets]
    for one in sockets:
        one.close()
    return ports


def connects(port):
    try:
        socket.create_connection(("127.0.0.1", port), 1).close()
        return True
    except OSError:
        return False


def until(what, holds):
    end = time.monotonic() + DEADLINE
    while not holds():
        if time.monotonic() > end:
            raise AssertionError(f"Waited {DEADLINE} s in vain until: {what}")
        time.sleep(0.2)


def log(name):
    return open(f"{folder}/{name}.log", errors="replace").read()


def write(name, text):
    with open(f"{folder}/{name}", "w") as file:
        file.write(text)


try:
    main()
except BaseException:
    for file in ("tracking.log", "haraka.log"):
        if os.path.exists(f"{folder}/{file}"):
            print(f"--- {file}\n{log(file[:-4])[-6000:]}", file=sys.stderr)
    raise
finally:
    for each in list(dict.fromkeys(name for name, _ in reversed(children))):
        stop(each)
