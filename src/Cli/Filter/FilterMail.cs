using System.ComponentModel;
using System.Net.Http.Headers;
using System.Runtime.InteropServices;

namespace Tracking.Cli.Filter;

/// <summary>
/// <c>trackctl filter</c>: a simple content filter for MTAs. The exit code is 0 if sendmail has taken the message, and
/// 75 (<c>EX_TEMPFAIL</c>) in every other case. So neither a bug nor a wrong configuration makes mail bounce.
/// </summary>
internal static class FilterMail
{
    // The output begins with 4.3.0 (RFC 3463): for Postfix a status code at the beginning of the output overrides the
    // exit code, and sendmail's output may begin with the code of a permanent failure.
    private const string TemporaryFailure = "4.3.0 ";

    private const string ProblemTypes = "urn:tracking:problem:";

    /// <summary>Runs the filter.</summary>
    /// <param name="arguments">The arguments after <c>filter</c>.</param>
    public static async Task<int> RunAsync(string[] arguments)
    {
        var terminal = new Terminal(Console.Out, Console.Error, json: false);
        // Help is shown only if --help is the sole argument. Otherwise a sender with that name would lose the mail,
        // because the exit code is 0.
        if (arguments is ["--help" or "-h" or "-?"])
        {
            Console.Out.Write(FilterHelp.Text);
            return ExitCode.Done;
        }

        using var interrupted = new CancellationTokenSource();
        using var terminate = Catch(PosixSignal.SIGTERM, interrupted);
        using var interrupt = Catch(PosixSignal.SIGINT, interrupted);
        using var hangUp = Catch(PosixSignal.SIGHUP, interrupted);
        try
        {
            return FilterArguments.Read(arguments, out var complaint) is { } read
                ? await FilterAsync(read, terminal, interrupted.Token)
                : Defer(terminal, complaint);
        }
        catch (OperationCanceledException)
        {
            return Defer(terminal, "Interrupted.");
        }
        catch (Win32Exception failure)
        {
            return Defer(terminal, failure.Message);
        }
#pragma warning disable CA1031 // After any fault the message is still in the MTA's queue, and the reason is in its log.
        catch (Exception fault)
#pragma warning restore CA1031
        {
            return Defer(terminal, $"{fault.GetType().Name}: {fault.Message}");
        }
    }

    private static async Task<int> FilterAsync(
        FilterArguments arguments, Terminal terminal, CancellationToken cancellationToken)
    {
        // sendmail's output follows in a separate line, because the status code has to come first.
        using var error = new StringWriter();
        using var api = Connection.Open(
            arguments.Url, arguments.KeyFile, arguments.Timeout, new Terminal(error, error, json: false));
        if (api is null)
        {
            return Defer(terminal, error.ToString());
        }

        var message = await ReadAsync(cancellationToken);
        if (message.Length == 0)
        {
            return Defer(terminal, "There is no message on the standard input.");
        }

        var answer = await AskAsync(api, arguments, message, cancellationToken);
        if (Passes(answer, arguments) is { } reason)
        {
            return HandOver(arguments, terminal, message, $"passed on unchanged: {reason}");
        }

        if (!answer.IsDone)
        {
            return Defer(terminal, answer.Complaint!);
        }

        // From here on sendmail decides the outcome. It is not interrupted, because it may already have taken the
        // message.
        cancellationToken.ThrowIfCancellationRequested();
        var summary = Summary(answer);
        var sent = Send(arguments, answer.Bytes);
        if (sent is { IsRefusal: true } && answer.Bytes.Length > message.Length)
        {
            // The rewritten message is probably larger than sendmail's limit. The original is sent, because delivery
            // matters more than tracked links.
            return HandOver(
                arguments, terminal, message, $"passed on unchanged: sendmail refused it rewritten: {sent.Reason}");
        }

        return End(terminal, sent, summary);
    }

    private static async Task<ReadOnlyMemory<byte>> ReadAsync(CancellationToken cancellationToken)
    {
        await using var input = Console.OpenStandardInput();
        using var bytes = new MemoryStream();
        await input.CopyToAsync(bytes, cancellationToken);
        return bytes.GetBuffer().AsMemory(0, (int)bytes.Length);
    }

    private static async Task<ApiAnswer> AskAsync(
        TrackingApi api, FilterArguments arguments, ReadOnlyMemory<byte> message, CancellationToken cancellationToken)
    {
        // An id needs no extra request for each mail. A name needs one, and so does a name that looks like an id.
        var byId = FindClusterByName.IsId(arguments.Cluster!)
            ? await AskAsync(api, arguments, arguments.Cluster!, message, cancellationToken)
            : null;
        if (byId is { Status: not 404 })
        {
            return byId;
        }

        var (cluster, refusal) = await FindClusterByName.FindAsync(api, arguments.Cluster!, cancellationToken);
        return refusal is null
            ? await AskAsync(api, arguments, cluster, message, cancellationToken)
            : byId ?? refusal;
    }

    private static async Task<ApiAnswer> AskAsync(
        TrackingApi api,
        FilterArguments arguments,
        string cluster,
        ReadOnlyMemory<byte> message,
        CancellationToken cancellationToken)
    {
        using var content = new ReadOnlyMemoryContent(message);
        content.Headers.ContentType = new MediaTypeHeaderValue("message/rfc822");
        var answer = await api.SendAsync(
            HttpMethod.Post,
            $"clusters/{Query.Escape(cluster)}/rewrite",
            content,
            cancellationToken,
            [KeyValuePair.Create("Accept", "message/rfc822"), .. Metadata(arguments)]);
        return answer.IsDone && !(answer.MediaType == "message/rfc822" && answer.Bytes.Length > 0
            && answer.Headers.ContainsKey("Tracking-Links"))
                ? new ApiAnswer(ExitCode.Refused, $"{api.Server} did not answer with a message; is it the API's address?")
                : answer;
    }

    // Several recipients share one message. Naming one of them would attribute all clicks to that recipient.
    private static IEnumerable<KeyValuePair<string, string>> Metadata(FilterArguments arguments)
    {
        var known = arguments.Metadata.AsEnumerable();
        if (arguments.Sender!.Length > 0)
        {
            known = known.Append(KeyValuePair.Create("tracking-sender", arguments.Sender));
        }

        return arguments.Recipients.Count == 1
            ? known.Append(KeyValuePair.Create("tracking-recipient", arguments.Recipients[0]))
            : known;
    }

    // Why the message goes on unchanged; null if it does not.
    private static string? Passes(ApiAnswer answer, FilterArguments arguments)
    {
        // The message is not understood or too large. Waiting does not change that.
        var isAboutMessage = answer.ProblemType is ProblemTypes + "malformed-request" or ProblemTypes + "too-large";
        var fallback = answer.ExitCode == ExitCode.Unavailable ? arguments.WhenUnavailable : arguments.WhenRefused;
        return !answer.IsDone && (isAboutMessage || fallback == Fallback.Pass) ? answer.Complaint : null;
    }

    private static string Summary(ApiAnswer answer) => answer.Headers.TryGetValue("Tracking-Untouched", out var reason)
        ? $"not tracked: {reason}"
        : $"{answer.Headers["Tracking-Links"]} links tracked, opens "
            + $"{answer.Headers.GetValueOrDefault("Tracking-Opens", "no")}"
            + (answer.Headers.TryGetValue("Tracking-Host-Ignored", out var ignored) ? $", {ignored}" : "")
            + (answer.Headers.TryGetValue("Tracking-Headers-Ignored", out var own) ? $", not obeyed: {own}" : "");

    private static int HandOver(
        FilterArguments arguments, Terminal terminal, ReadOnlyMemory<byte> message, string summary) =>
        End(terminal, Send(arguments, message), summary);

    private static SendmailOutcome Send(FilterArguments arguments, ReadOnlyMemory<byte> message) => HandToSendmail.Run(
        arguments.Sendmail,
        ["-G", "-i", "-f", arguments.Sender!, "--", .. arguments.Recipients],
        message.Span);

    private static int End(Terminal terminal, SendmailOutcome sent, string summary)
    {
        if (!sent.IsAccepted)
        {
            return Defer(terminal, $"sendmail did not take the message: {sent.Reason}");
        }

        Say(terminal.Line, summary);
        return ExitCode.Done;
    }

    private static int Defer(Terminal terminal, string complaint)
    {
        Say(terminal.Complain, TemporaryFailure + complaint.TrimEnd());
        return ExitCode.TemporaryFailure;
    }

    // The exit code has the outcome. It must not change because the output cannot be written.
    private static void Say(Action<string> write, string line)
    {
        try
        {
            write(line);
        }
        catch (IOException)
        {
            // The log's disk is full, and there is no other place for the message.
        }
    }

    private static PosixSignalRegistration Catch(PosixSignal signal, CancellationTokenSource interrupted) =>
        PosixSignalRegistration.Create(signal, context =>
        {
            context.Cancel = true;
            interrupted.Cancel();
        });
}
