# A mail server for tests: aiosmtpd, a server of its own. Keeps each mail as a file, and refuses whom its name says.
# Usage: server.py PORT FOLDER [--certificate PEM] [--tls] [--user NAME PASSWORD] [--seven-bit]
import argparse
import asyncio
import base64
import json
import os
import ssl

from aiosmtpd.smtp import SMTP, AuthResult, LoginPassword

arguments = argparse.ArgumentParser()
arguments.add_argument("port", type=int)
arguments.add_argument("folder")
arguments.add_argument("--certificate")
arguments.add_argument("--tls", action="store_true")
arguments.add_argument("--user", nargs=2)
arguments.add_argument("--seven-bit", action="store_true")
options = arguments.parse_args()


class Keep:
    mails = 0

    async def handle_RCPT(self, server, session, envelope, address, rcpt_options):
        if address.startswith("gone@"):
            return "550 5.1.1 No such user"
        if address.startswith("later@") and not os.path.exists(os.path.join(options.folder, "later")):
            return "451 4.7.1 Come back later"
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server, session, envelope):
        Keep.mails += 1
        name = os.path.join(options.folder, "%06d.json" % Keep.mails)
        with open(name + ".part", "w") as file:
            json.dump({
                "sender": envelope.mail_from,
                "recipients": envelope.rcpt_tos,
                "mailOptions": envelope.mail_options,
                "isTls": session.ssl is not None or options.tls,
                "user": session.auth_data.decode() if session.authenticated else None,
                "message": base64.b64encode(envelope.original_content).decode(),
            }, file)
        os.rename(name + ".part", name)
        return "250 Taken"


def log_in(server, session, envelope, mechanism, data):
    if isinstance(data, LoginPassword) and [data.login.decode(), data.password.decode()] == options.user:
        return AuthResult(success=True, auth_data=data.login)
    return AuthResult(success=False, handled=False)


class SevenBit(SMTP):
    async def push(self, status):
        if isinstance(status, str) and "8BITMIME" in status:
            return
        await super().push(status)


def make(loop):
    context = None
    if options.certificate:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(options.certificate)
    kind = SevenBit if options.seven_bit else SMTP
    return context, lambda: kind(
        Keep(), hostname="mail.example.net", loop=loop, enable_SMTPUTF8=True, decode_data=False,
        tls_context=None if options.tls else context,
        require_starttls=False,
        authenticator=log_in if options.user else None,
        auth_required=bool(options.user),
        auth_require_tls=bool(options.certificate) and not options.tls)


async def serve():
    context, factory = make(asyncio.get_running_loop())
    server = await asyncio.get_running_loop().create_server(
        factory, "127.0.0.1", options.port, ssl=context if options.tls else None)
    print("ready", flush=True)
    await server.serve_forever()


asyncio.run(serve())
