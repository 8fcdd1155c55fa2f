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

    /// <summary>How long to wait: the ladder, but never longer than a tenth of the life that the certificate in use has
    /// left (a certificate of 160 hours would have three attempts otherwise), and at least what the authority
    /// wants.</summary>
    /// <param name="failures">Failures in a row, this one included; 1 and up.</param>
    /// <param name="left">Life left of the certificate in use; <see langword="null"/> without one.</param>
    /// <param name="problem">What the authority said.</param>
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
