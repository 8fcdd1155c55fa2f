using System.Text.Json;
using Npgsql;
using Tracking.Certificates.Acme;
using Tracking.Certificates.Issuance;

namespace Tracking.Certificates.Renewal;

/// <summary>Warns that a certificate will expire soon and cannot be renewed. The cluster gets a notice, and the
/// operator gets a log message. Warnings are given at shares of the remaining life, so they suit lifetimes of 160 hours
/// and of 90 days.</summary>
internal sealed partial class WarnOfExpiry(
    NpgsqlDataSource dataSource, TimeProvider time, ILogger<WarnOfExpiry> logger)
{
    // The first share is half of the life left when renewals begin. The second is the last chance to act.
    private static readonly double[] _shares = [1.0 / 6, 1.0 / 20];

    // The verifier sends the notices. Kind 3 means a certificate in danger.
    private const string Insert =
        """
        INSERT INTO domains.notices (id, cluster_id, hostname, kind, at, facts, next_attempt_at)
        SELECT $1, d.cluster_id, d.hostname, 3, $4, jsonb_build_object('domain', d.id) || $5::jsonb, $4
        FROM domains.tracking_domains d
        WHERE d.hostname = $2 AND d.cluster_id = $3 AND d.deleted_at IS NULL
        """;

    /// <summary>Warns once for each share, at the first failure below the share.</summary>
    /// <param name="name">The name, as it was before the failure.</param>
    /// <param name="problem">Why the attempt failed.</param>
    /// <param name="nextAttempt">The time of the next attempt.</param>
    /// <param name="cancellationToken">Ends the statement.</param>
    public async Task FailedAsync(
        LeasedName name, AcmeProblem problem, DateTimeOffset nextAttempt, CancellationToken cancellationToken)
    {
        if (name.Own is not { } current || !IsTold(current, name.LastFailedAt, time.GetUtcNow()))
        {
            return;
        }

        LogDanger(name.Host, current.NotAfter, problem);
        if (name.Cluster is not { } cluster)
        {
            return;
        }

        var now = time.GetUtcNow();
        await using var command = dataSource.CreateCommand(Insert);
        command.Parameters.Add(new() { Value = Guid.CreateVersion7(now) });
        command.Parameters.Add(new() { Value = name.Host.Value });
        command.Parameters.Add(new() { Value = cluster.Value });
        command.Parameters.Add(new() { Value = now.UtcDateTime });
        command.Parameters.Add(new()
        {
            Value = JsonSerializer.Serialize(
                new { current.NotAfter, Error = problem.Detail, NextAttempt = nextAttempt }, JsonSerializerOptions.Web),
        });
        await command.ExecuteNonQueryAsync(cancellationToken);
    }

    /// <summary>Whether a failure now is the first one below one of the shares.</summary>
    /// <param name="current">The certificate in use.</param>
    /// <param name="before">The time of the failure before; <see langword="null"/> without one.</param>
    /// <param name="now">The time.</param>
    public static bool IsTold(StoredCertificate current, DateTimeOffset? before, DateTimeOffset now)
    {
        double Left(DateTimeOffset at) => RenewalTime.ShareLeft(current.NotBefore, current.NotAfter, at);
        var leftBefore = before is { } at ? Left(at) : 1;
        return _shares.Any(share => Left(now) < share && leftBefore >= share);
    }

    [LoggerMessage(LogLevel.Error,
        "The certificate of {Host} expires at {NotAfter:u} and could not be renewed: {Problem}")]
    private partial void LogDanger(Links.HostName host, DateTimeOffset notAfter, AcmeProblem problem);
}
