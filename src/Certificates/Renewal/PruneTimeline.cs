using Microsoft.Extensions.Options;
using Npgsql;

namespace Tracking.Certificates.Renewal;

/// <summary>Deletes old lines of timelines, certificates that expired long ago, and full buckets.</summary>
internal sealed class PruneTimeline(
    NpgsqlDataSource dataSource, IOptions<CertificateOptions> options, TimeProvider time)
{
    private static readonly TimeSpan _pause = TimeSpan.FromHours(1);

    // Attempts are deleted in the order of their ids, which begin with the time.
    private const string Attempts = "DELETE FROM certificates.attempts WHERE at < $1";

    private const string Issued =
        """
        DELETE FROM certificates.issued i WHERE i.not_after < $1
            AND NOT EXISTS (SELECT FROM certificates.names n WHERE n.certificate_id = i.id)
        """;

    private const string Requests = "DELETE FROM certificates.requests WHERE done_at < $1";

    private const string Buckets =
        "DELETE FROM certificates.budgets WHERE at < $1 AND (queued_until IS NULL OR queued_until < $1)";

    private DateTimeOffset _next;

    /// <summary>Prunes once an hour. Calls in between do nothing.</summary>
    /// <exception cref="NpgsqlException">The database is away.</exception>
    public async Task RunAsync(CancellationToken cancellationToken)
    {
        var now = time.GetUtcNow();
        if (now < _next)
        {
            return;
        }

        var old = now - options.Value.KeepAttempts;
        await ExecuteAsync(Attempts, old, cancellationToken);
        await ExecuteAsync(Issued, old, cancellationToken);
        await ExecuteAsync(Requests, old, cancellationToken);

        // A bucket that was not used for this time is full again. A missing row means the same.
        await ExecuteAsync(Buckets, now - LongestRefill(), cancellationToken);
        _next = now + _pause;
    }

    private TimeSpan LongestRefill() => TimeSpan.FromDays(Math.Min(3650, options.Value.Authorities
        .SelectMany(authority => (BucketSettings[])[authority.Orders, authority.CertificatesPerDomain,
            authority.CertificatesPerNames, authority.FailuresPerName])
        .Max(limit => limit.Refill.TotalDays * limit.Capacity)));

    private async Task ExecuteAsync(string sql, DateTimeOffset before, CancellationToken cancellationToken)
    {
        await using var command = dataSource.CreateCommand(sql);
        command.Parameters.Add(new() { Value = before.UtcDateTime });
        await command.ExecuteNonQueryAsync(cancellationToken);
    }
}
