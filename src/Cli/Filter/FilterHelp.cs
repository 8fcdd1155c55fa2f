namespace Tracking.Cli.Filter;

/// <summary><c>trackctl filter --help</c>.</summary>
internal static class FilterHelp
{
    public const string Text = """
        NAME
          trackctl filter - a mail filter that puts tracked links into outgoing mail

        SYNOPSIS
          trackctl filter --cluster ID [OPTION VALUE ...] -f SENDER -- RECIPIENT ...

        DESCRIPTION
          Reads a message from the standard input, has it rewritten by the server, and hands it to
              sendmail -G -i -f SENDER -- RECIPIENT ...
          Made to be the simple content filter of an MTA. Line ends and every byte outside the
          links come out as they went in. It belongs before DKIM signing.

          The API key is in the file of --key-file, or in $TRACKING_KEY, never in an argument.

        OPTIONS
          --cluster ID                    The cluster; required. Its name works too, for a question more a mail
          -f SENDER, --sender SENDER      Envelope sender; required; empty or <>: the null sender
          --url URL                       The server; default $TRACKING_URL, else http://127.0.0.1:8080
          --key-file FILE                 A file that holds the API key; the user that the MTA runs
                                          the filter as must be able to read it
          --sendmail FILE                 The sendmail command; default /usr/sbin/sendmail
          --timeout SECONDS               Longest wait for the server; 1 to 600, default 60
          --when-refused defer|pass       The server says no: wrong key, unknown cluster, a setting
                                          it does not take, a fault of its own. Default defer
          --when-unavailable defer|pass   The server is away, or says that it cannot now. Default defer
          --clicks yes|no|html|text, --opens yes|no,
          --level full|pseudonymous|anonymous|off,
          --host HOST, --tag TAG,
          --utm PARAMETERS                As in trackctl rewrite
          --test true|false               Whether it is a test: rewritten as any other message, counted nowhere

          defer: the message waits in the MTA's queue and is tried again, until the MTA's own
                 limit (in Postfix maximal_queue_lifetime, 5 days).
          pass:  the message goes on as it came, without tracking.

          A message that the server does not understand, or finds too large, always goes on as it
          came, also when the server says so before all was sent; so does one that sendmail
          refuses only in its rewritten, larger form.

        RECIPIENTS
          With one recipient its clicks and opens are recorded as that recipient's. Several share
          one message: what they do is counted together and belongs to nobody by name. In Postfix
          give the filter one at a time: tracking_destination_recipient_limit = 1.

        EXIT CODES
          0    sendmail has accepted the message
          75   not now (EX_TEMPFAIL): the MTA keeps the message and tries again

          There is no other. When it is killed between sendmail's acceptance and its own end, the
          MTA does not know of the acceptance and sends the message again: never lost, rarely twice.

        OUTPUT
          One line, which the MTA logs: what was done, or behind 4.3.0 why not.

        EXAMPLE (Postfix, master.cf)
          tracking unix - n n - 10 pipe
            -o soft_bounce=yes
            flags=q user=trackfilter null_sender=
            argv=/usr/bin/trackctl filter --cluster ID --key-file /etc/tracking/filter.key
              -f ${sender} -- ${recipient}

        """;
}
