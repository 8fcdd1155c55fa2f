using System.Text.Json;
using Npgsql;
using Tracking.Certificates.Acme;
using Tracking.Certificates.Issuance;

namespace Tracking.Certificates.Renewal;

/// <summary>Tells people that a certificate nears its end and cannot be renewed: the cluster by a notice, the operator
/// in the log. By the share of its life that is left, since 160 hours and 90 days have the same thirds.</summary>
internal sealed partial class WarnOfExpiry(
    NpgsqlDataSource dataSource, TimeProvider time, ILogger<WarnOfExpiry> logger)
{
    // Half of what is left when renewals begin, and the last moment for somebody to act.
    private static readonly double[] _shares = [1.0 / 6, 1.0 / 20];

    // As the verifier reads it, which sends notices: 3 is a certificate in danger.
    private const string Insert =
        """
        INSERT INTO domains.notices (id, cluster_id, hostname, kind, at, facts, next_attempt_at)
        SELECT $1, d.cluster_id, d.hostname, 3, $4, jsonb_build_object('domain', d.id) || $5::jsonb, $4
        FROM domains.tracking_domains d
        WHERE d.hostname = $2 AND d.cluster_id = $3 AND d.deleted_at IS NULL
        """;

    /// <summary>Tells them, once for each share: when the failure before this one was on the other side of
    /// it.</summary>
    /// <param name="name">The name, as it stood before the failure.</param>
    /// <param name="problem">Why it failed.</param>
    /// <param name="nextAttempt">When it is tried again.</param>
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

    /// <summary>Whether a failure now is the first below one of the shares.</summary>
    /// <param name="current">The certificate in use.</param>
    /// <param name="before">When the failure before was; <see langword="null"/> when there was none.</param>
    /// <param name="now">The time.</param>
    public static bool IsTold(StoredCertificate current, DateTimeOffset? before, DateTimeOffset now)
    {
        double Left(DateTimeOffset at) => RenewalTime.ShareLeft(current.NotBefore, current.NotAfter, at);
        var leftBefore = before is { } at ? Left(at) : 1;
        return _shares.Any(share => Left(now) < share && leftBefore >= share);
    }

    [LoggerMessage(LogLevel.Error,
        "The certificate of {Host} is valid until {NotAfter:u} only and could not be renewed: {Problem}")]
    private partial void LogDanger(Links.HostName host, DateTimeOffset notAfter, AcmeProblem problem);
}
