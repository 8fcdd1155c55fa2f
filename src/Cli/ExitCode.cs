namespace Tracking.Cli;

/// <summary>The exit codes of trackctl.</summary>
internal static class ExitCode
{
    /// <summary>Done.</summary>
    public const int Done = 0;

    /// <summary>The server refused; its problem was printed.</summary>
    public const int Refused = 1;

    /// <summary>The command line is wrong, or names a file that cannot be used.</summary>
    public const int Usage = 2;

    /// <summary>The tracking domain is not verified, does not exist, or its state does not allow the command; the same
    /// of certificates, webhooks, destinations and withdrawals, and of their cluster. For doctor: a check failed. For
    /// every command: it was interrupted before its end.</summary>
    public const int WrongState = 3;

    /// <summary>The server cannot be reached or cannot answer now: <c>EX_UNAVAILABLE</c> of sysexits.h.</summary>
    public const int Unavailable = 69;

    /// <summary>A temporary failure; try again later: <c>EX_TEMPFAIL</c> of sysexits.h.</summary>
    public const int TemporaryFailure = 75;
}
