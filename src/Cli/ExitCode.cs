namespace Tracking.Cli;

/// <summary>The exit codes of trackctl.</summary>
internal static class ExitCode
{
    /// <summary>Done.</summary>
    public const int Done = 0;

    /// <summary>The server refused; its problem was printed.</summary>
    public const int Refused = 1;

    /// <summary>The command line is wrong, or names something that does not exist.</summary>
    public const int Usage = 2;

    /// <summary>The tracking domain is not verified, does not exist, or its state does not allow the command. For
    /// doctor: a check failed.</summary>
    public const int WrongState = 3;

    /// <summary>The server cannot be reached or cannot answer now: <c>EX_UNAVAILABLE</c> of sysexits.h.</summary>
    public const int Unavailable = 69;

    /// <summary>A temporary failure; try again later: <c>EX_TEMPFAIL</c> of sysexits.h.</summary>
    public const int TemporaryFailure = 75;
}
