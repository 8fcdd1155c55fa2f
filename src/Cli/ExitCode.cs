namespace Tracking.Cli;

/// <summary>What trackctl ends with.</summary>
internal static class ExitCode
{
    /// <summary>Done.</summary>
    public const int Done = 0;

    /// <summary>The server refused; its problem was printed.</summary>
    public const int Refused = 1;

    /// <summary>The command line is wrong, or names something that is not there.</summary>
    public const int Usage = 2;

    /// <summary>The tracking domain is not verified, is not there, or is in a state that does not allow it; of doctor:
    /// something is wrong.</summary>
    public const int WrongState = 3;

    /// <summary>The server cannot be reached or cannot answer now: <c>EX_UNAVAILABLE</c> of sysexits.h.</summary>
    public const int Unavailable = 69;

    /// <summary>Not now, try again: <c>EX_TEMPFAIL</c> of sysexits.h.</summary>
    public const int TemporaryFailure = 75;
}
