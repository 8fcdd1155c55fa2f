using System.Collections;
using System.ComponentModel;
using System.Globalization;
using System.Text;
using Microsoft.Win32.SafeHandles;

namespace Tracking.Cli.Filter;

/// <summary>The result of sendmail.</summary>
/// <param name="IsAccepted">Whether sendmail has the message in its queue.</param>
/// <param name="IsRefusal">Whether sendmail would refuse the message later too.</param>
/// <param name="Reason">The reason for a failure, one line.</param>
internal sealed record SendmailOutcome(bool IsAccepted, bool IsRefusal, string Reason);

/// <summary>
/// Runs sendmail with the message as its standard input. The input is a complete file in memory, not a pipe. To
/// sendmail the end of a pipe is the end of the message. So a kill of this process while it writes to a pipe would
/// deliver half a message.
/// </summary>
internal static class HandToSendmail
{
    // A queue on a busy disk takes seconds. This limit and the longest wait for the server are together below Postfix's
    // 1,000 s.
    private static readonly TimeSpan _limit = TimeSpan.FromMinutes(5);

    // The exit codes of sysexits.h for temporary failures. A signal counts as one too.
    private const int OperatingSystemError = 71;
    private const int CannotCreate = 73;
    private const int InputOutputError = 74;

    // The longest reason, enough for a log line.
    private const int ReasonBytes = 500;

    /// <summary>Runs sendmail to its end.</summary>
    /// <param name="program">The path of sendmail.</param>
    /// <param name="arguments">The arguments.</param>
    /// <param name="message">The message.</param>
    /// <exception cref="Win32Exception">sendmail cannot be started, or there is no memory for the message.</exception>
    public static SendmailOutcome Run(string program, string[] arguments, ReadOnlySpan<byte> message)
    {
        using var input = Libc.CreateMemoryFile("message");
        using var output = Libc.CreateMemoryFile("output");
        RandomAccess.Write(input, message, 0);

        // SIGCHLD may be inherited as ignored. Then a child would leave no exit status.
        Libc.Signal(Libc.ChildSignal, 0);
        var child = Libc.Spawn(program, [program, .. arguments], Environment(), input, output);
        var (status, timedOut) = Wait(child);
        var reason = timedOut ? $"no end after {_limit.TotalSeconds} s" : Said(output);
        if ((status & 0x7f) != 0)
        {
            return new SendmailOutcome(false, false, Join($"ended by signal {status & 0x7f}", reason));
        }

        var code = (status >> 8) & 0xff;
        return new SendmailOutcome(
            code == ExitCode.Done,
            IsPermanent(code) || (code != ExitCode.Done && SaysTooLarge(reason)),
            Join(code.ToString("exit code 0", CultureInfo.InvariantCulture), reason));
    }

    private static bool IsPermanent(int code) => code is not (ExitCode.Done or ExitCode.TemporaryFailure
        or OperatingSystemError or CannotCreate or InputOutputError);

    // Postfix ends with 75 for a message above message_size_limit, although no later attempt can succeed.
    private static bool SaysTooLarge(string reason) =>
        reason.Contains("too big", StringComparison.OrdinalIgnoreCase)
        || reason.Contains("too large", StringComparison.OrdinalIgnoreCase);

    private static (int Status, bool TimedOut) Wait(int child)
    {
        var guard = new Lock();
        var (ended, timedOut) = (false, false);
        using var timer = new Timer(
            _ =>
            {
                lock (guard)
                {
                    if (!ended)
                    {
                        timedOut = true;
                        Libc.Kill(child, Libc.KillSignal);
                    }
                }
            },
            null,
            _limit,
            Timeout.InfiniteTimeSpan);
        Libc.WaitForEnd(child);
        lock (guard)
        {
            // Only now can the process id be used again, and the timer does not use it any more.
            ended = true;
            return (Libc.Reap(child), timedOut);
        }
    }

    private static string Said(SafeFileHandle output)
    {
        Span<byte> bytes = stackalloc byte[ReasonBytes];
        var text = Encoding.UTF8.GetString(bytes[..RandomAccess.Read(output, bytes, 0)]);
        return string.Join(' ', text.Split(['\r', '\n'], StringSplitOptions.RemoveEmptyEntries));
    }

    private static string Join(string code, string reason) => reason.Length == 0 ? code : $"{code}: {reason}";

    private static string[] Environment() =>
        [.. System.Environment.GetEnvironmentVariables().Cast<DictionaryEntry>().Select(e => $"{e.Key}={e.Value}")];
}
