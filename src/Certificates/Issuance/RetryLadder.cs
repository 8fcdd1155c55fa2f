using Tracking.Certificates.Acme;

namespace Tracking.Certificates.Issuance;

/// <summary>When a failed order is tried again.</summary>
internal static class RetryLadder
{
    // Let's Encrypt's own advice: 1 min, 10 min, 100 min, then daily.
    private static readonly TimeSpan[] _steps =
    [
        TimeSpan.FromMinutes(1), TimeSpan.FromMinutes(10), TimeSpan.FromMinutes(100), TimeSpan.FromDays(1),
    ];

    /// <summary>How long to wait before the next attempt. The ladder gives the time. The wait is at most a tenth of the
    /// remaining life of the certificate in use, because a certificate of 160 hours would otherwise have only three
    /// attempts. The wait is at least as long as the authority asks.</summary>
    /// <param name="failures">Failures in a row, this one included; 1 and up.</param>
    /// <param name="left">The remaining life of the certificate in use; <see langword="null"/> without a
    /// certificate.</param>
    /// <param name="problem">The authority's problem.</param>
    public static TimeSpan Next(int failures, TimeSpan? left, AcmeProblem? problem)
    {
        var step = _steps[Math.Clamp(failures - 1, 0, _steps.Length - 1)];
        if (left is { } life && life > TimeSpan.Zero && life / 10 < step)
        {
            step = life / 10 > _steps[0] ? life / 10 : _steps[0];
        }

        return problem?.RetryAfter is { } wanted && wanted > step ? wanted : step;
    }
}
